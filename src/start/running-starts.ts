import type { SessionLogs } from '../facade/session-logs.ts';
import { isRunning } from '../facade/shared-session-logs.ts';
import { messageOf, SessionLogsError } from '../support/errors.ts';
import { differingOptions, isSameStart, sharesDirectory } from './start-identity.ts';
import type { StartIdentity } from './start-identity.ts';

/** A start of this process, from its call until what it started is shut down. */
interface RunningStart {
  readonly identity: StartIdentity;
  readonly starting: Promise<SessionLogs>;
  /** `undefined` until it is started. */
  sessions: SessionLogs | undefined;
  /** Whether `register` started it, before the program's first line. */
  readonly isOfRegister?: boolean;
}

const STARTS = Symbol.for('otel-session-logs.starts.v1');

const holder = globalThis as { [STARTS]?: Set<RunningStart> };
/** One list for all copies of this package: frameworks bundle a module twice. */
const starts = (holder[STARTS] ??= new Set());

/**
 * Starts, unless the same start is under way or its instance is running: then it returns that instance. If the instance
 * is shutting down, it first waits for that.
 *
 * @throws What the start throws, to all callers that wait for it.
 */
export async function startOnce(identity: StartIdentity, start: () => Promise<SessionLogs>): Promise<SessionLogs> {
  for (let same = runningSame(identity); same !== undefined; same = runningSame(identity)) {
    const sessions = await same.starting;
    if (isRunning(sessions)) return sessions;
    // The caller of the shutdown is told of its failure.
    await Promise.allSettled([sessions.shutdown()]);
    starts.delete(same);
  }
  const others = [...starts];
  const running: RunningStart = { identity, starting: start(), sessions: undefined };
  starts.add(running);
  try {
    return (running.sessions = await running.starting);
  } catch (error) {
    starts.delete(running);
    throw explained(error, identity, others);
  }
}

/** The running instance of the same start, if there is one. */
export function startedBy(identity: StartIdentity): SessionLogs | undefined {
  const sessions = runningSame(identity)?.sessions;
  return sessions !== undefined && isRunning(sessions) ? sessions : undefined;
}

/** Notes the instance that `register` started, synchronously. */
export function noteRegistered(identity: StartIdentity, sessions: SessionLogs): void {
  starts.add({ identity, starting: Promise.resolve(sessions), sessions, isOfRegister: true });
}

function runningSame(identity: StartIdentity): RunningStart | undefined {
  for (const running of starts) {
    if (isSameStart(running.identity, identity)) return running;
    // Otherwise instances that are shut down and not started again would stay for good.
    if (running.sessions?.isShutDown) starts.delete(running);
  }
  return undefined;
}

/** Adds to the error which options differ from those of the start that has the directory. */
function explained(error: unknown, identity: StartIdentity, others: readonly RunningStart[]): unknown {
  if (!(error instanceof SessionLogsError) || error.code !== 'directory_in_use') return error;
  const owner = others.find(
    (other) => other.sessions?.isShutDown !== true && sharesDirectory(other.identity, identity),
  );
  const names = owner === undefined ? [] : differingOptions(owner.identity, identity).map((name) => `\`${name}\``);
  if (names.length === 0) return error;
  return new SessionLogsError(error.code, `${messageOf(error)}, ${whoHas(owner, names.join(', '))}`, { cause: error });
}

function whoHas(owner: RunningStart | undefined, names: string): string {
  if (owner?.isOfRegister === true) {
    return (
      `by the instance that \`--import otel-session-logs/register\` started, with other values of ${names}: leave out that ` +
      '--import to start with your options, or leave out startSessionLogs() and use sharedSessionLogs(), which returns that instance'
    );
  }
  return (
    `by an instance that was started with other values of ${names}: sharedSessionLogs() returns ` +
    'that instance if it was the first, and so does a start with the same values'
  );
}
