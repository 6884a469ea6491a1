/**
 * Session logs in an OpenTelemetry setup that has traces and a log processor already.
 *
 *   npx tsx examples/existing-otel-setup.ts
 */
import { trace } from '@opentelemetry/api';
import { ConsoleLogRecordExporter, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { SessionLogs } from 'otel-session-logs';

// Nothing to receive traces and metrics here; a real setup has exporters for them.
process.env['OTEL_TRACES_EXPORTER'] ??= 'console';
process.env['OTEL_METRICS_EXPORTER'] ??= 'none';

const sessions = new SessionLogs();

const sdk = new NodeSDK({
  serviceName: 'support-chat',
  // The session processor first: the processors after it see `session.id` on every record.
  logRecordProcessors: [sessions.processor, new SimpleLogRecordProcessor({ exporter: new ConsoleLogRecordExporter() })],
});
sdk.start();

async function answer(sessionId: string, question: string): Promise<void> {
  await trace.getTracer('chat').startActiveSpan('answer', async (span) => {
    // Every record emitted in here belongs to the session, by whichever OTel-instrumented logger.
    await sessions.withSession(sessionId, async () => {
      sessions.logger.info('question received', { characters: question.length });
      for (const chunk of ['Turn ', 'it off ', 'and on ', 'again.']) await sessions.logChunkToQueue(chunk, sessionId);
    });
    span.end();
  });
}

await answer('abc123', 'It does not work?');

for await (const entry of sessions.followSession('abc123', { until: 'caught-up' })) {
  console.log(`${entry.logType.padEnd(4)} ${entry.message}  (trace ${entry.traceId ?? 'none'})`);
}
await sdk.shutdown();
