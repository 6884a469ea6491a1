import { SessionLogsError } from './errors.ts';
import type { SessionLogsErrorCode } from './errors.ts';

/** The longest delay that a timer can have. */
export const MAX_TIMER_MILLIS: number = 2_147_483_647;

/**
 * The promise, or a rejection with that code when it is not settled in time.
 *
 * The timer keeps the process alive: somebody waits. What `what` did is not undone, only no longer waited for.
 */
export async function within<T>(
  promise: Promise<T>,
  timeoutMillis: number,
  code: SessionLogsErrorCode,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const late = (): void => reject(new SessionLogsError(code, `${what} did not end within ${timeoutMillis} ms`));
    timer = setTimeout(late, Math.min(timeoutMillis, MAX_TIMER_MILLIS));
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
