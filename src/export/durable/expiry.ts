import { ClockWatch } from '../clock-watch.ts';

/** The smallest and largest step of the clock that puts the age of records in doubt. */
const LEAST_JUMP_MILLIS = 60_000;
const MOST_JUMP_MILLIS = 3_600_000;

/**
 * Before which time of the clock a record has waited too long; `-Infinity` while none has.
 *
 * Nothing expires on the word of one clock: after it was set, by more than half of the age or an hour, the new time counts
 * when it has stood for a day. A clock that is wrong when the process begins cannot be told from a long outage.
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
