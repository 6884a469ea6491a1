/**
 * For `node --import otel-session-logs/register app.js`: session logs for a program without an OpenTelemetry setup of its
 * own, or one whose auto-instrumentations are registered after this with `OTEL_LOGS_EXPORTER=none`, which leaves the logs
 * to us.
 *
 * Starts a provider, makes it the global one of both logs APIs, and keeps it as `sharedSessionLogs()`. Configured by
 * `OTEL_*` and `LOGS_PATH` only. Exports to `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, or to `OTEL_EXPORTER_OTLP_ENDPOINT` unless
 * another SDK of the process is found to export logs. Shuts down on `beforeExit`, and on SIGTERM and SIGINT where the
 * program does not listen for them. What fails is one line on stderr, or told to OpenTelemetry's `diag` where it has a
 * logger; the rest works, and the program starts all the same.
 *
 * @module otel-session-logs/register
 */
import { isEndpointOfLogs } from './export/otlp/otlp.ts';
import type { SessionLogs } from './facade/session-logs.ts';
import { OpenDestinations } from './start/open-destinations.ts';
import { requirePeers } from './start/peers.ts';
import type { Peers } from './start/peers.ts';
import { noteStarted, startedBy } from './start/running-starts.ts';
import { identityOf } from './start/start-identity.ts';
import { startNow } from './start/start-now.ts';
import { startPlan } from './start/start-options.ts';
import type { StartPlan } from './start/start-options.ts';
import { YieldingExporter } from './start/yielding-exporter.ts';
import { messageOf, SessionLogsError } from './support/errors.ts';
import { reporterFor } from './support/reporter.ts';

// The program's own loggers print to stdout already: nothing is printed a second time into a log that is kept.
const OPTIONS = {
  registerGlobally: true,
  shutdownOnSignal: true,
  console: process.stdout.isTTY ? 'auto' : false,
} as const;

const reporter = reporterFor('register');
/** Of these nothing but the file is touched. */
const FILE_PROBLEMS: ReadonlySet<string> = new Set(['directory_unusable', 'directory_in_use']);
/** What does not work, for `diagnose()`. */
const problems: string[] = [];

try {
  const plan = startPlan(OPTIONS);
  const identity = identityOf(plan);
  // Another copy of this package may have been given to `--import` as well.
  if (startedBy(identity) === undefined) noteStarted(identity, start(plan));
} catch (error) {
  tell(`session logs could not be started: ${messageOf(error)}; sharedSessionLogs() has queues only`);
}

/** At once, so that it is there before the program's first line: hence not for a bundle. */
function start(plan: StartPlan): SessionLogs {
  try {
    return startNow(plan, findPeers(plan), new OpenDestinations(problems));
  } catch (error) {
    if (!(error instanceof SessionLogsError) || !FILE_PROBLEMS.has(error.code)) throw error;
    // A read-only container: queues and export are worth having without the file.
    tell(`there is no daily file: ${messageOf(error)}; set LOGS_PATH to a directory that can be written`);
    return startNow({ ...plan, file: false }, findPeers(plan), new OpenDestinations(problems));
  }
}

function findPeers(plan: StartPlan): Peers {
  const peers = requirePeers(plan, (error) => tell(`no logs are exported: ${messageOf(error)}`));
  const { exporter } = peers;
  if (exporter === undefined || isEndpointOfLogs()) return peers;
  return { ...peers, exporter: new YieldingExporter(exporter, tellOtherSdk) };
}

function tellOtherSdk(): void {
  tell(
    'the logs of `register` are not exported, since the global logger provider is that of another SDK, which exports logs: set ' +
      'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to have both exported, or put `--import otel-session-logs/register` before that SDK, ' +
      'with OTEL_LOGS_EXPORTER=none',
  );
}

function tell(problem: string): void {
  if (problems.includes(problem)) return;
  problems.push(problem);
  reporter.announce(problem);
}
