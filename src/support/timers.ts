import { performance as realPerformance } from 'node:perf_hooks';
import * as timers from 'node:timers';

/** The longest delay of Node's timers, 24.8 days. They take a longer one for 1 ms. For times that others' timers get. */
const MAX_DELAY_MILLIS: number = 2 ** 31 - 1;

/*
 * All timers of this package are started here; a rule of the linter keeps others out. There are two kinds, since tests
 * replace timers and clocks by ones that stand still until they are moved.
 *
 * Those that users set, or could watch: `startTimer`, `startInterval`. Timer and clock are looked up when they are used, so
 * that such a test moves both.
 *
 * Those that order our own work, which no user knows of: `nextTurn`, `nextMicrotask`, `startWorkTimer`, `sleep`, with
 * `workNow` as their clock. They are taken when this file is loaded: with a test's timers, whoever waits for such work would wait for ever.
 */
const own = {
  setImmediate: timers.setImmediate,
  clearImmediate: timers.clearImmediate,
  setTimeout: timers.setTimeout,
  clearTimeout: timers.clearTimeout,
  now: realPerformance.now.bind(realPerformance),
};
const settled = Promise.resolve();

/** Calls back once after the time, which may be of any size: `Infinity` is never. Cleared by `clearTimeout`. */
export function startTimer(callback: () => void, millis: number): NodeJS.Timeout {
  if (millis <= MAX_DELAY_MILLIS) return setTimeout(callback, millis);
  const end = performance.now() + millis;
  const timer = setTimeout(() => {
    if (performance.now() < end) timer.refresh();
    else callback();
  }, MAX_DELAY_MILLIS);
  return timer;
}

/** Calls back each time that the time has passed. Cleared by `clearInterval`. */
export function startInterval(callback: () => void, millis: number): NodeJS.Timeout {
  return setInterval(callback, Math.min(millis, MAX_DELAY_MILLIS));
}

/** A callback that is due in the next turn of the event loop. */
export type Turn = NodeJS.Immediate;

/** Calls back in the next turn of the event loop. */
export function nextTurn(callback: () => void): Turn {
  return own.setImmediate(callback);
}

export function cancelTurn(turn: Turn | undefined): void {
  if (turn !== undefined) own.clearImmediate(turn);
}

/** Calls back when the code that runs now is through, before anything else happens. */
export function nextMicrotask(callback: () => void): void {
  // Not `queueMicrotask`, which may be a test's.
  void settled.then(callback);
}

/** A timer of our own work. */
export type WorkTimer = NodeJS.Timeout;

/** Calls back once after the time, of at most 24.8 days. */
export function startWorkTimer(callback: () => void, millis: number): WorkTimer {
  return own.setTimeout(callback, Math.min(millis, MAX_DELAY_MILLIS));
}

export function stopWorkTimer(timer: WorkTimer | undefined): void {
  if (timer !== undefined) own.clearTimeout(timer);
}

/** Milliseconds that only go forward, for the times of our own work. */
export function workNow(): number {
  return own.now();
}

/** Resolves after the time, of at most 24.8 days. */
export function sleep(millis: number, options: { readonly keepsProcess?: boolean } = {}): Promise<void> {
  return new Promise<void>((resolve) => {
    const timer = startWorkTimer(resolve, millis);
    if (options.keepsProcess === false) timer.unref();
  });
}
