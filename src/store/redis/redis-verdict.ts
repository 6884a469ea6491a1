import { RedisFailure } from './redis-client.ts';
import type { RedisReply } from './redis-client.ts';
import type { ProducedSession } from './redis-producer.ts';
import type { PendingWrite } from './redis-write-queue.ts';

/** Refusals that pass: the server is full, a replica now, loading, or in the middle of a change of its cluster. */
const PASSING_CODES: ReadonlySet<string> = new Set([
  'OOM',
  'READONLY',
  'LOADING',
  'CLUSTERDOWN',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'BUSY',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'NOAUTH',
]);
/** Of these, the ones that another connection may not meet. */
const CONNECTION_CODES: ReadonlySet<string> = new Set(['READONLY', 'MOVED', 'ASK', 'MASTERDOWN', 'NOAUTH']);

/** Whether the server refused, and will do so again. */
export function isFinal(failure: RedisFailure): boolean {
  return failure.code !== undefined && !PASSING_CODES.has(failure.code);
}

/** Whether a new connection may be the cure: it finds another primary, or knows where the slots are. */
export function isOfConnection(failure: RedisFailure): boolean {
  return failure.code !== undefined && CONNECTION_CODES.has(failure.code);
}

/** A batch, sorted by what became of it. */
export interface Verdict {
  readonly stored: readonly PendingWrite[];
  /** To be tried again: refused for now, or of unknown outcome. */
  readonly again: readonly PendingWrite[];
  /** Refused for good, or overtaken by a later write of their session. */
  readonly refused: readonly PendingWrite[];
  /** One of the failures, a refusal where there was one. */
  readonly failure: RedisFailure | undefined;
}

/**
 * Sorts a batch by its replies, and notes in the sessions what is known of them.
 *
 * A write that the server refused while it stored a later one of its session is refused for good: in its place it can no longer be
 * stored, and out of order is worse than missing and counted.
 */
export function judgeReplies(writes: readonly PendingWrite[], replies: readonly RedisReply[]): Verdict {
  const lastStored = new Map<ProducedSession, number>();
  writes.forEach(({ session }, index) => {
    const reply = replies[index];
    if (typeof reply !== 'string') return;
    lastStored.set(session, index);
    session.storedId = reply;
  });
  const stored: PendingWrite[] = [];
  const again: PendingWrite[] = [];
  const refused: PendingWrite[] = [];
  let failure: RedisFailure | undefined;
  writes.forEach((write, index) => {
    const reply = replies[index];
    if (!(reply instanceof RedisFailure)) {
      stored.push(write);
      return;
    }
    if (failure === undefined || reply.code !== undefined) failure = reply;
    // Of unknown outcome it may well be stored: it is looked for, never counted as refused.
    const isOvertaken = reply.code !== undefined && index < (lastStored.get(write.session) ?? -1);
    if (isOvertaken || isFinal(reply)) {
      refused.push(write);
      return;
    }
    write.session.expirySetMillis = -Infinity;
    if (reply.code === undefined) write.session.isInDoubt = true;
    again.push(write);
  });
  return { stored, again, refused, failure };
}
