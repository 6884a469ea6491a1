import { ClockWatch } from '../clock-watch.ts';

/** Limits of the size of a clock step that makes the age of records doubtful. */
const LEAST_JUMP_MILLIS = 60_000;
const MOST_JUMP_MILLIS = 3_600_000;

/**
 * Returns a function that gives the time before which records have waited too long; `-Infinity` while none has.
 *
 * Nothing expires on the word of one clock: after the clock was set, by more than half of the age or an hour, the new
 * time counts only after it has lasted for a day. A clock that is wrong when the process begins cannot be distinguished
 * from a long outage.
 *
 * @param monotonic For tests.
 */
export function expiryOf(maxAgeMillis: number | undefined, now: () => number, monotonic?: () => number): () => number {
  if (maxAgeMillis === undefined) return () => -Infinity;
  const jumpMillis = Math.min(Math.max(maxAgeMillis / 2, LEAST_JUMP_MILLIS), MOST_JUMP_MILLIS);
  const watch = new ClockWatch(now, monotonic, jumpMillis);
  return () => {
    const { state, millis } = watch.look();
    return state === 'jumped' ? -Infinity : millis - maxAgeMillis;
  };
}
