import type { SessionLogs } from '../facade/session-logs.ts';
import { startOnce } from './running-starts.ts';
import { identityOf } from './start-identity.ts';
import { startPlan } from './start-options.ts';
import type { StartPlan, StartSessionLogsOptions } from './start-options.ts';

/**
 * Starts session logs in a program without an OpenTelemetry setup: makes a logger provider, writes the daily file,
 * exports over OTLP if an endpoint is configured, prints leveled logs to stdout, and chunks too if stdout is a
 * terminal.
 *
 * The instance shuts down on `beforeExit`: a script that only logs and reads ends by itself, with everything flushed.
 *
 * If nothing was started before, `sharedSessionLogs()` returns this instance from then on. A second call with the same
 * directory, spool and plain values returns the same instance, even while the first is under way; functions and objects
 * such as an exporter are not compared, because a module that is loaded again makes new ones. The first `shutdown()`
 * ends it. Another directory starts another instance.
 *
 * @example
 * ```ts
 * const sessions = await startSessionLogs();
 * await sessions.logChunkToQueue('Hello', 'abc123');
 * ```
 * @throws TypeError for a wrong option; SessionLogsError `directory_in_use`, `directory_unusable`, `sdk_not_found` or
 * `exporter_not_found`. After an error nothing is left open.
 */
export async function startSessionLogs(options: StartSessionLogsOptions = {}): Promise<SessionLogs> {
  // Read before the first `await`: afterwards the caller may change the options.
  const plan = startPlan(options);
  return startOnce(identityOf(plan), () => start(plan));
}

async function start(plan: StartPlan): Promise<SessionLogs> {
  // Loaded only here: provider, exporter and destinations are needed only when an instance starts.
  const { startNow } = await import('./start-now.ts');
  const { OpenDestinations } = await import('./open-destinations.ts');
  const { importPeers } = await import('./peers.ts');
  const peers = await importPeers(plan);
  const destinations = new OpenDestinations();
  try {
    return startNow(plan, peers, destinations);
  } catch (error) {
    // The caller may try again at once.
    await destinations.discard();
    throw error;
  }
}
