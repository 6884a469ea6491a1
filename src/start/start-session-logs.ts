import type { SessionLogs } from '../facade/session-logs.ts';
import { startOnce } from './running-starts.ts';
import { identityOf } from './start-identity.ts';
import { startPlan } from './start-options.ts';
import type { StartPlan, StartSessionLogsOptions } from './start-options.ts';

/**
 * Starts session logs that stand alone: a logger provider of its own, the daily file, OTLP export when an endpoint is
 * configured, leveled logs on stdout, and chunks there when it is a terminal.
 *
 * What it returns shuts down on `beforeExit`: a script that only logs and reads ends by itself with everything flushed.
 *
 * It is what `sharedSessionLogs()` gives from then on, when nothing was started before. The same start a second time, also
 * while the first is under way, returns the same instance: with the same directory, spool and plain values; functions and
 * objects such as an exporter are not compared, since a module that is loaded again makes new ones. The first
 * `shutdown()` ends it. Another directory starts another instance.
 *
 * @example
 * ```ts
 * const sessions = await startSessionLogs();
 * await sessions.logChunkToQueue('Hello', 'abc123');
 * ```
 * @throws TypeError for a wrong option; SessionLogsError `directory_in_use`, `directory_unusable`, `sdk_not_found` or
 * `exporter_not_found`. Nothing is left open then.
 */
export async function startSessionLogs(options: StartSessionLogsOptions = {}): Promise<SessionLogs> {
  // Read within the call: afterwards the caller may change them.
  const plan = startPlan(options);
  return startOnce(identityOf(plan), () => start(plan));
}

async function start(plan: StartPlan): Promise<SessionLogs> {
  // Provider, exporter and destinations are loaded here, when an instance is started.
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
