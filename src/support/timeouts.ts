import { SessionLogsError } from './errors.ts';
import type { SessionLogsErrorCode } from './errors.ts';
import { startTimer } from './timers.ts';

/**
 * A moment by which something has to end, together with everything that it waits for: each part gets the remaining
 * time.
 */
export class Deadline {
  readonly #end: number;

  /** @param millis Time from now; `Infinity` for no deadline. */
  constructor(millis: number) {
    this.#end = performance.now() + millis;
  }

  /** Whole milliseconds left; 0 after the deadline. */
  get left(): number {
    return Math.max(0, Math.ceil(this.#end - performance.now()));
  }
}

/**
 * Resolves to whether the promise resolved in time; rejects if that rejects in time.
 *
 * The timer keeps the process alive, because a caller waits. Work that takes longer is not cancelled, only no longer
 * waited for.
 */
export async function settlesWithin(promise: Promise<unknown>, timeoutMillis: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = startTimer(() => resolve(false), timeoutMillis);
  });
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the promise; rejects with the code if it is not settled in time. See {@link settlesWithin}. */
export async function within(
  promise: Promise<unknown>,
  timeoutMillis: number,
  code: SessionLogsErrorCode,
  what: string,
): Promise<void> {
  if (await settlesWithin(promise, timeoutMillis)) return;
  throw new SessionLogsError(code, `${what} did not end within ${timeoutMillis} ms`);
}
