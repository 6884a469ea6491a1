import type { PartFacts } from '../diagnose/subject.ts';
import type { SessionEraser } from '../entry/erasure.ts';
import { messageOf, SessionLogsError } from '../support/errors.ts';
import { within } from '../support/timeouts.ts';

/** Something that an instance flushes and shuts down: a store, an exporter's processor, the daily file. */
export interface OwnedPart {
  readonly name: string;
  /** Of a destination: the name that `stats()` lists its losses under. */
  readonly destination?: string;
  /** Resolves when all it got before the call is where it goes; rejects with a reason, in time. */
  forceFlush(timeoutMillis: number): Promise<void>;
  shutdown(timeoutMillis: number): Promise<void>;
  /** Where it holds text of sessions. */
  readonly eraser?: SessionEraser | undefined;
  /** What it lost, by reason. */
  lost(): Readonly<Record<string, number>>;
  /** What `diagnose()` looks at. */
  readonly facts?: PartFacts;
}

/** A part keeps its time by itself, and knows then what is pending; this much later it is taken for stuck. */
const GRACE_MILLIS = 50;

/**
 * Flushes all parts side by side: a stuck collector does not keep the file from being flushed.
 *
 * @throws SessionLogsError of the first part that failed, with the numbers pending of all added up.
 */
export async function flushAll(parts: readonly OwnedPart[], timeoutMillis: number): Promise<void> {
  const results = parts.map((part) =>
    within(part.forceFlush(timeoutMillis), timeoutMillis + GRACE_MILLIS, 'flush_timeout', `forceFlush of ${part.name}`),
  );
  report(await Promise.allSettled(results), 'flush_failed');
}

/** Shuts all parts down side by side. */
export async function shutdownAll(parts: readonly OwnedPart[], timeoutMillis: number): Promise<void> {
  const results = parts.map((part) =>
    within(part.shutdown(timeoutMillis), timeoutMillis + GRACE_MILLIS, 'shutdown_timeout', `shutdown of ${part.name}`),
  );
  report(await Promise.allSettled(results), 'shutdown_timeout');
}

function report(results: readonly PromiseSettledResult<void>[], code: 'flush_failed' | 'shutdown_timeout'): void {
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (errors.length === 0) return;
  const pending = errors.map((error) => (error instanceof SessionLogsError ? (error.pending ?? 0) : 0));
  const first = errors[0];
  const firstCode = first instanceof SessionLogsError ? first.code : code;
  throw new SessionLogsError(
    // A store that is closed cannot flush what it has in time; to the caller it is the shutdown that did not end.
    code === 'shutdown_timeout' && firstCode === 'flush_timeout' ? code : firstCode,
    errors.map(messageOf).join('; '),
    { cause: first, pending: pending.reduce((sum, count) => sum + count, 0) },
  );
}
