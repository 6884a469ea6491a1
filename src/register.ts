/**
 * For `node --import otel-session-logs/register app.js`: session logs for a program without an OpenTelemetry setup of its
 * own, or one whose auto-instrumentations are registered after this with `OTEL_LOGS_EXPORTER=none`, which leaves the logs
 * to us; then ours are exported when `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` is set.
 *
 * Starts a provider, makes it the global one of both logs APIs, and keeps it as `sharedSessionLogs()`. Configured by
 * `OTEL_*` and `LOGS_PATH` only; shuts down on `beforeExit`, and on SIGTERM and SIGINT where the program does not listen for
 * them. What is wrong is told to OpenTelemetry's `diag`: the
 * program starts all the same.
 */
import type { SessionLogs } from './facade/session-logs.ts';
import { requirePeers } from './start/peers.ts';
import { noteStarted } from './start/running-starts.ts';
import { identityOf } from './start/start-identity.ts';
import { startNow } from './start/start-now.ts';
import { startPlan } from './start/start-options.ts';
import type { StartPlan } from './start/start-options.ts';
import { SessionLogsError } from './support/errors.ts';
import { reporterFor } from './support/reporter.ts';

// The program's own loggers print to stdout already: nothing is printed a second time into a log that is kept.
const OPTIONS = {
  registerGlobally: true,
  shutdownOnSignal: true,
  console: process.stdout.isTTY ? 'auto' : false,
} as const;

const reporter = reporterFor('register');

try {
  const plan = startPlan(OPTIONS);
  noteStarted(identityOf(plan), start(plan));
} catch (error) {
  reporter.error('session logs could not be started', error);
}

/** At once, so that it is there before the program's first line: hence not for a bundle. */
function start(plan: StartPlan): SessionLogs {
  const peers = requirePeers(plan, true);
  try {
    return startNow(plan, peers);
  } catch (error) {
    if (!(error instanceof SessionLogsError) || error.code !== 'directory_unusable') throw error;
    // A read-only container: queues and export are worth having without the file.
    reporter.warn('there is no daily file', error);
    return startNow({ ...plan, file: false }, requirePeers(plan, true));
  }
}
