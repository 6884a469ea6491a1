import type { OwnedPart } from './flush-and-shutdown.ts';
import { becomeStarted, SessionLogs } from './session-logs.ts';
import type { SessionLogsOptions } from './session-logs-options.ts';

/** The instances of this process, for all copies of this package in it. */
interface ProcessInstances {
  /** What starts have made, the earliest first. */
  started: readonly SessionLogs[];
  /** What was handed out while nothing was started. */
  early: EarlyInstance | undefined;
}

interface EarlyInstance {
  readonly sessions: SessionLogs;
  /** By the copy that made it: no other one reaches what is private of it. */
  readonly become: (options: SessionLogsOptions, owned: readonly OwnedPart[]) => void;
}

const SHARED = Symbol.for('otel-session-logs.shared.v2');

const holder = globalThis as { [SHARED]?: ProcessInstances };
const instances = (holder[SHARED] ??= { started: [], early: undefined });

/**
 * The instance of this process: the one that `startSessionLogs()` or `node --import otel-session-logs/register` started,
 * of several the one that was started first. Before that it has queues only, and becomes the instance that is started
 * next: what the object and all that was taken from it do from then on goes to that one's destinations, and what its
 * sessions hold stays in them. Several copies of this package share it. After its `shutdown()` the next call gives another
 * one, as a test's next case needs it.
 */
export function sharedSessionLogs(): SessionLogs {
  return startedNow()[0] ?? earlyNow()?.sessions ?? (instances.early = makeEarly()).sessions;
}

/** An instance that is about to be started. */
export interface NewInstance {
  readonly sessions: SessionLogs;
  /** Takes the parts of the start: from here on the instance is the started one. */
  take(options: SessionLogsOptions, owned: readonly OwnedPart[]): void;
}

/**
 * What a start makes its instance of: the shared one that was handed out before, if there is one, else a new one. Nothing
 * has changed for anybody until it takes the parts.
 */
export function newInstance(): NewInstance {
  const early = earlyNow() ?? makeEarly();
  return {
    sessions: early.sessions,
    take(options, owned) {
      early.become(options, owned);
      if (instances.early?.sessions === early.sessions) instances.early = undefined;
      instances.started = [...startedNow(), early.sessions];
    },
  };
}

function makeEarly(): EarlyInstance {
  const sessions = new SessionLogs();
  return { sessions, become: (options, owned) => becomeStarted(sessions, options, owned) };
}

function startedNow(): readonly SessionLogs[] {
  return instances.started.filter(isRunning);
}

/** One that was shut down becomes nothing any more. */
function earlyNow(): EarlyInstance | undefined {
  const { early } = instances;
  return early !== undefined && isRunning(early.sessions) ? early : undefined;
}

/** Whether an instance takes what is written: it was shut down neither by itself nor with the provider that has its processor. */
export function isRunning({ isShutDown, processor }: SessionLogs): boolean {
  return !isShutDown && processor.enabled();
}
