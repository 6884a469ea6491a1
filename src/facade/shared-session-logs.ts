import { SessionLogs } from './session-logs.ts';

const SHARED = Symbol.for('otel-session-logs.shared.v1');

const holder = globalThis as { [SHARED]?: SessionLogs };

/**
 * The one instance of this process, made on first use: queues only. Plug its `processor` into your provider for the rest.
 * Under `node --import otel-session-logs/register` it is the instance started there. Several copies of this package
 * share it. After its `shutdown()` the next call makes a new one, as a test's next case needs it.
 */
export function sharedSessionLogs(): SessionLogs {
  return sharedNow() ?? (holder[SHARED] = new SessionLogs());
}

/** Makes an instance the shared one; `false` when there is another. */
export function shareSessionLogs(sessions: SessionLogs): boolean {
  return (sharedNow() ?? (holder[SHARED] = sessions)) === sessions;
}

function sharedNow(): SessionLogs | undefined {
  const shared = holder[SHARED];
  return shared === undefined || shared.isShutDown ? undefined : shared;
}
