/**
 * For `node --import otel-session-logs/register app.js`: starts session logs for a program that has no OpenTelemetry
 * setup of its own, or that registers its auto-instrumentations after this module with `OTEL_LOGS_EXPORTER=none`, so
 * that this module handles the logs.
 *
 * It starts a provider, makes it the global one of both logs APIs, and keeps the instance as `sharedSessionLogs()`.
 * Only `OTEL_*` and `LOGS_PATH` configure it. It exports to `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, or to
 * `OTEL_EXPORTER_OTLP_ENDPOINT` unless another SDK in the process exports logs. It shuts down on `beforeExit`, and on
 * SIGTERM and SIGINT if the program does not listen for them. A failure is reported in one line, to OpenTelemetry's
 * `diag` if that has a logger, else on stderr; everything else works, and the program starts anyway.
 *
 * @module otel-session-logs/register
 */
import { isEndpointOfLogs } from './export/otlp/otlp.ts';
import type { SessionLogs } from './facade/session-logs.ts';
import { leaveToNextStart } from './facade/shared-session-logs.ts';
import { environmentValue } from './otel/environment.ts';
import { OpenDestinations } from './start/open-destinations.ts';
import { requirePeers } from './start/peers.ts';
import type { Peers } from './start/peers.ts';
import { noteRegistered, startedBy } from './start/running-starts.ts';
import { identityOf } from './start/start-identity.ts';
import { startNow } from './start/start-now.ts';
import { startPlan } from './start/start-options.ts';
import type { StartPlan } from './start/start-options.ts';
import { YieldingExporter } from './start/yielding-exporter.ts';
import { messageOf, SessionLogsError } from './support/errors.ts';
import { reporterFor } from './support/reporter.ts';

// The program's own loggers already print to stdout: do not print records a second time into a log that is kept.
const OPTIONS = {
  registerGlobally: true,
  shutdownOnSignal: true,
  console: process.stdout.isTTY ? 'auto' : false,
} as const;

/** `otel-session-logs dev` sets it: a program that starts session logs of its own has to run as it does without `dev`. */
const isUntilStart = environmentValue('OTEL_SESSION_LOGS_REGISTER') === 'until-start';

const reporter = reporterFor('register');
/** Failures that affect only the daily file. */
const FILE_PROBLEMS: ReadonlySet<string> = new Set(['directory_unusable', 'directory_in_use']);
/** What failed, for `diagnose()`. */
const problems: string[] = [];

try {
  if (isUntilStart) {
    // Without the daily file, whose directory the start of the program needs.
    leaveToNextStart(start(startPlan({ ...OPTIONS, file: false })));
  } else {
    const plan = startPlan(OPTIONS);
    const identity = identityOf(plan);
    // `--import` may also have loaded another copy of this package.
    if (startedBy(identity) === undefined) noteRegistered(identity, start(plan));
  }
} catch (error) {
  tell(`session logs could not be started: ${messageOf(error)}; sharedSessionLogs() works in memory only`);
}

/** Synchronous, so that the instance is ready before the program's first line. This does not work in a bundle. */
function start(plan: StartPlan): SessionLogs {
  try {
    return startNow(plan, findPeers(plan), new OpenDestinations(problems));
  } catch (error) {
    if (!(error instanceof SessionLogsError) || !FILE_PROBLEMS.has(error.code)) throw error;
    // A read-only container: sessions and export are useful without the file.
    tell(`no daily file is written: ${messageOf(error)}; set LOGS_PATH to a writable directory`);
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
    'otel-session-logs/register does not export logs, because another SDK owns the global logger provider and exports them: set ' +
      'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to export both, or put `--import otel-session-logs/register` before that SDK, ' +
      'with OTEL_LOGS_EXPORTER=none',
  );
}

function tell(problem: string): void {
  if (problems.includes(problem)) return;
  problems.push(problem);
  reporter.announce(problem);
}
