import { startTimer } from '../../support/timers.ts';

/** What is not answered in this time has come to nothing, as far as anybody knows. */
const ANSWER_MILLIS = 10_000;

const FIRST_BACKOFF_MILLIS = 50;
const LAST_BACKOFF_MILLIS = 2_000;

/** The wait before the next attempt: 50 ms doubled with each failure up to 2 s, of which a random half is left out. */
export function backoffMillis(failures: number): number {
  const full = Math.min(FIRST_BACKOFF_MILLIS * 2 ** Math.min(failures, 10), LAST_BACKOFF_MILLIS);
  return full * (0.5 + Math.random() / 2);
}

/** A call of a log that came to nothing. The cause is a {@link RemoteRefusal}, or anything else where nobody knows. */
export class CallFailed extends Error {
  constructor(cause: unknown) {
    super('A call of the remote log failed', { cause });
  }
}

/**
 * The answer of a log, which others wrote: it may throw, hang, or answer late. The process stays alive meanwhile.
 *
 * @throws CallFailed
 */
export async function answerOf<T>(call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = startTimer(() => reject(new Error(`no answer in ${ANSWER_MILLIS} ms`)), ANSWER_MILLIS);
  });
  try {
    return await Promise.race([call(), timeout]);
  } catch (error) {
    throw new CallFailed(error);
  } finally {
    clearTimeout(timer);
  }
}
