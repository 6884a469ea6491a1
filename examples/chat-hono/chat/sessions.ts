import { startSessionLogs } from 'otel-session-logs';
import type { SessionLogs } from 'otel-session-logs';

/**
 * Where the answers of all chats are, while they are written and for a while after. Exports each as one record to the
 * collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names. A bundler may load this file more than once: the same start gives the same instance.
 *
 * For several hosts give it a store that they share: `store: new RedisSessionStore({ client })`.
 */
export const sessions: SessionLogs = await startSessionLogs({ coalesce: true, file: false, streamHandler: false });
