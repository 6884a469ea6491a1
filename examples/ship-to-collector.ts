/**
 * Exports session logs to an OTLP endpoint, in addition to the daily files in `logs/`.
 *
 *   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npx tsx examples/ship-to-collector.ts
 */
import { startSessionLogs } from 'otel-session-logs';

// Reads OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. Without an endpoint nothing is exported.
const sessions = await startSessionLogs({ resource: { 'deployment.environment.name': 'example' } });

await Promise.all(
  ['alice', 'bob'].map(async (sessionId) => {
    sessions.withSession(sessionId, () => sessions.logger.info('session opened', { plan: 'free' }));
    for (let n = 1; n <= 3; n += 1) await sessions.logChunkToQueue(`chunk ${n} for ${sessionId}`, sessionId);
    sessions.endSession(sessionId);
  }),
);

// Rejects with the number of pending records if the collector does not take them in time.
await sessions.forceFlush({ timeoutMillis: 5_000 });
console.log(`shipped; lost: ${JSON.stringify(sessions.stats().lost)}`);
await sessions.shutdown();
