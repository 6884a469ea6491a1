import type { PartFacts } from '../diagnose/subject.ts';
import type { SessionEraser } from '../entry/erasure.ts';
import { messageOf, SessionLogsError } from '../support/errors.ts';
import { settlesWithin } from '../support/timeouts.ts';

/** Something that an instance flushes and shuts down: a store, an exporter's processor, the daily file. */
export interface OwnedPart {
  readonly name: string;
  /** For a destination, the name under which `stats()` lists its losses. */
  readonly destination?: string;
  /** Resolves when everything it got before the call has been delivered; rejects with a reason, within the time. */
  forceFlush(timeoutMillis: number): Promise<void>;
  shutdown(timeoutMillis: number): Promise<void>;
  /** Erases sessions in this part, if it holds text of them. */
  readonly eraser?: SessionEraser | undefined;
  /** Number of lost records, by reason. */
  lost(): Readonly<Record<string, number>>;
  /** Facts for `diagnose()`. */
  readonly facts?: PartFacts;
}

/** A part keeps the time limit by itself, and can then say what is pending; this much later it counts as stuck. */
const GRACE_MILLIS = 50;

/**
 * Flushes all parts at once: a stuck collector does not keep the file from being flushed.
 *
 * @throws The SessionLogsError of the first part that failed, with `pending` added up over all parts.
 */
export async function flushAll(parts: readonly OwnedPart[], timeoutMillis: number): Promise<void> {
  const results = parts.map((part) =>
    ends(part.forceFlush(timeoutMillis), timeoutMillis, 'flush_timeout', `forceFlush of ${part.name}`),
  );
  report(await Promise.allSettled(results), 'flush_failed');
}

/** Shuts all parts down at once. */
export async function shutdownAll(parts: readonly OwnedPart[], timeoutMillis: number): Promise<void> {
  const results = parts.map((part) =>
    ends(part.shutdown(timeoutMillis), timeoutMillis, 'shutdown_timeout', `shutdown of ${part.name}`),
  );
  report(await Promise.allSettled(results), 'shutdown_timeout');
}

/**
 * Waits for a part, and for its own report when its time is over. The grace begins when this process sees that the time is
 * over: in a process that was busy until then, timers of the part are due as well, and it still says what is pending.
 */
async function ends(
  work: Promise<void>,
  timeoutMillis: number,
  code: 'flush_timeout' | 'shutdown_timeout',
  what: string,
): Promise<void> {
  if (await settlesWithin(work, timeoutMillis)) return;
  if (await settlesWithin(work, GRACE_MILLIS)) return;
  throw new SessionLogsError(code, `${what} did not end within ${timeoutMillis + GRACE_MILLIS} ms`);
}

function report(results: readonly PromiseSettledResult<void>[], code: 'flush_failed' | 'shutdown_timeout'): void {
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (errors.length === 0) return;
  const pending = errors.map((error) => (error instanceof SessionLogsError ? (error.pending ?? 0) : 0));
  const first = errors[0];
  const firstCode = first instanceof SessionLogsError ? first.code : code;
  throw new SessionLogsError(
    // A closing store may fail to flush in time; to the caller that is a shutdown that did not end.
    code === 'shutdown_timeout' && firstCode === 'flush_timeout' ? code : firstCode,
    errors.map(messageOf).join('; '),
    { cause: first, pending: pending.reduce((sum, count) => sum + count, 0) },
  );
}
