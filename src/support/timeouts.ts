import { SessionLogsError } from './errors.ts';
import type { SessionLogsErrorCode } from './errors.ts';
import { startTimer } from './timers.ts';

/** A moment by which something ends, with all that it waits for: each part gets the time that is left. */
export class Deadline {
  readonly #end: number;

  /** @param millis From now on; `Infinity` for none. */
  constructor(millis: number) {
    this.#end = performance.now() + millis;
  }

  /** Whole milliseconds, 0 when it has passed. */
  get left(): number {
    return Math.max(0, Math.ceil(this.#end - performance.now()));
  }
}

/**
 * Whether the promise resolves in time; rejects when it rejects in time.
 *
 * The timer keeps the process alive, since a caller waits. What takes longer is not undone, only no longer waited for.
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

/** Waits for the promise; rejects with that code when it is not settled in time. See {@link settlesWithin}. */
export async function within(
  promise: Promise<unknown>,
  timeoutMillis: number,
  code: SessionLogsErrorCode,
  what: string,
): Promise<void> {
  if (await settlesWithin(promise, timeoutMillis)) return;
  throw new SessionLogsError(code, `${what} did not end within ${timeoutMillis} ms`);
}
