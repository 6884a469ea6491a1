import type { OwnedPart } from './flush-and-shutdown.ts';
import { becomeStarted, SessionLogs } from './session-logs.ts';
import type { SessionLogsOptions } from './session-logs-options.ts';

/** The instances of this process, shared by all copies of this package in it. */
interface ProcessInstances {
  /** The started instances, earliest first. */
  started: readonly SessionLogs[];
  /** The instance that was handed out before any start. */
  early: EarlyInstance | undefined;
}

interface EarlyInstance {
  readonly sessions: SessionLogs;
  /** From the copy of this package that made the instance: no other copy reaches its private members. */
  readonly become: (options: SessionLogsOptions, owned: readonly OwnedPart[]) => void;
}

const SHARED = Symbol.for('otel-session-logs.shared.v2');

const holder = globalThis as { [SHARED]?: ProcessInstances };
const instances = (holder[SHARED] ??= { started: [], early: undefined });

/**
 * Returns the instance of this process: the one that `startSessionLogs()` or `node --import otel-session-logs/register`
 * started, or the first of several. Before any start it works in memory only, and becomes the instance that is started
 * next: from then on the same object, and every method and logger taken from it, uses that start's destinations, and
 * its sessions keep their entries. All copies of this package share it. After its `shutdown()` the next call returns
 * another instance, as the next case of a test needs.
 */
export function sharedSessionLogs(): SessionLogs {
  return startedNow()[0] ?? earlyNow()?.sessions ?? (instances.early = makeEarly()).sessions;
}

/** An instance that is about to be started. */
export interface NewInstance {
  readonly sessions: SessionLogs;
  /** Takes the parts of the start: from then on the instance is the started one. */
  take(options: SessionLogsOptions, owned: readonly OwnedPart[]): void;
}

/**
 * The instance for a start: the shared one that was handed out before, if there is one, else a new one. Nothing changes
 * for its holders until it takes the parts.
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

/**
 * Leaves a started instance to the next start of this process, as if it had been handed out before any start: it gets
 * that start's options and keeps its own parts. For a program that `otel-session-logs dev` has registered.
 */
export function leaveToNextStart(sessions: SessionLogs): void {
  instances.started = startedNow().filter((started) => started !== sessions);
  instances.early = earlyInstance(sessions);
}

function makeEarly(): EarlyInstance {
  return earlyInstance(new SessionLogs());
}

function earlyInstance(sessions: SessionLogs): EarlyInstance {
  return { sessions, become: (options, owned) => becomeStarted(sessions, options, owned) };
}

function startedNow(): readonly SessionLogs[] {
  return instances.started.filter(isRunning);
}

/** One that was shut down cannot become the started instance. */
function earlyNow(): EarlyInstance | undefined {
  const { early } = instances;
  return early !== undefined && isRunning(early.sessions) ? early : undefined;
}

/** Whether an instance still takes writes: neither it nor the provider that has its processor was shut down. */
export function isRunning({ isShutDown, processor }: SessionLogs): boolean {
  return !isShutDown && processor.enabled();
}
