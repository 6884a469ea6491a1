/**
 * For `node --import otel-session-logs/register app.js`: session logs for a program without an OpenTelemetry setup of its
 * own, or one whose auto-instrumentations are registered after this with `OTEL_LOGS_EXPORTER=none`, which leaves the logs
 * to us; then ours are exported when `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` is set.
 *
 * Starts a provider, makes it the global one of both logs APIs, and keeps it as `sharedSessionLogs()`. Configured by
 * `OTEL_*` and `LOGS_PATH` only; shuts down on `beforeExit`. What is wrong is told to OpenTelemetry's `diag`: the
 * program starts all the same.
 */
import { reporterFor } from './diagnostics.ts';
import { shareSessionLogs } from './session-logs.ts';
import { startNow } from './start.ts';

try {
  const sessions = startNow({ registerGlobally: true }, true);
  if (!shareSessionLogs(sessions)) {
    reporterFor('register').warn('sharedSessionLogs() was made before: it is not the instance started here');
  }
} catch (error) {
  reporterFor('register').error('session logs could not be started', error);
}
