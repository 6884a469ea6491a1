import { performance as realPerformance } from 'node:perf_hooks';
import * as timers from 'node:timers';

/**
 * The longest delay of Node's timers, 24.8 days; they treat a longer one as 1 ms. For times that foreign timers get.
 */
const MAX_DELAY_MILLIS: number = 2 ** 31 - 1;

/*
 * All timers of this package are started here; a lint rule forbids others. There are two kinds, because tests replace
 * timers and clocks by fake ones that stand still until they are advanced.
 *
 * `startTimer` and `startInterval` are for times that users set or can observe. They look up timer and clock at each
 * use, so that such a test controls both.
 *
 * `nextTurn`, `nextMicrotask`, `startWorkTimer` and `sleep`, with `workNow` as their clock, are for internal work that
 * users do not see. They use the timers from when this file was loaded: with fake timers, such work would never be
 * done.
 */
const own = {
  setImmediate: timers.setImmediate,
  clearImmediate: timers.clearImmediate,
  setTimeout: timers.setTimeout,
  clearTimeout: timers.clearTimeout,
  now: realPerformance.now.bind(realPerformance),
};
const settled = Promise.resolve();

/** Calls back once after the time, which may be any length; with `Infinity`, never. Cleared by `clearTimeout`. */
export function startTimer(callback: () => void, millis: number): NodeJS.Timeout {
  if (millis <= MAX_DELAY_MILLIS) return setTimeout(callback, millis);
  const end = performance.now() + millis;
  const timer = setTimeout(() => {
    if (performance.now() < end) timer.refresh();
    else callback();
  }, MAX_DELAY_MILLIS);
  return timer;
}

/** Calls back repeatedly, each time after the interval. Cleared by `clearInterval`. */
export function startInterval(callback: () => void, millis: number): NodeJS.Timeout {
  return setInterval(callback, Math.min(millis, MAX_DELAY_MILLIS));
}

/** A callback scheduled for the next turn of the event loop. */
export type Turn = NodeJS.Immediate;

/** Calls back in the next turn of the event loop. */
export function nextTurn(callback: () => void): Turn {
  return own.setImmediate(callback);
}

export function cancelTurn(turn: Turn | undefined): void {
  if (turn !== undefined) own.clearImmediate(turn);
}

/** Calls back when the running code is done, before anything else happens. */
export function nextMicrotask(callback: () => void): void {
  // Not `queueMicrotask`, which a test may have replaced.
  void settled.then(callback);
}

/** A timer for internal work. */
export type WorkTimer = NodeJS.Timeout;

/** Calls back once after the time, of at most 24.8 days. */
export function startWorkTimer(callback: () => void, millis: number): WorkTimer {
  return own.setTimeout(callback, Math.min(millis, MAX_DELAY_MILLIS));
}

export function stopWorkTimer(timer: WorkTimer | undefined): void {
  if (timer !== undefined) own.clearTimeout(timer);
}

/** A monotonic clock in milliseconds, for internal work. */
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
