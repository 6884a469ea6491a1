import type { RedisCommand } from './redis-client.ts';
import { FIELD } from './redis-page.ts';
import type { ProducedSession } from './redis-producer.ts';
import type { PendingWrite } from './redis-write-queue.ts';

/** What a batch needs to know to become commands. */
export interface BatchOptions {
  readonly maxEntriesPerSession: number;
  readonly idleTtlMillis: number;
  readonly endedTtlMillis: number;
  readonly publish: 'PUBLISH' | 'SPUBLISH';
}

/** Commands of a batch: one per write, then the PEXPIREs of `expiring`, then one wake-up per session. */
export interface Batch {
  readonly commands: readonly RedisCommand[];
  readonly expiring: readonly ProducedSession[];
}

/**
 * A batch as commands. The time to live is set only when it was set long ago: a write of one entry is two commands, not
 * three. `others` are sessions without a write in the batch that need both all the same.
 */
export function batchCommands(
  writes: readonly PendingWrite[],
  others: Iterable<ProducedSession>,
  options: BatchOptions,
  now: number,
): Batch {
  const commands: RedisCommand[] = [];
  const touched = new Set<ProducedSession>(others);
  const ending = new Map<ProducedSession, boolean>();
  for (const write of writes) {
    commands.push({ key: write.session.keys.log, args: appendCommand(write, options.maxEntriesPerSession) });
    touched.add(write.session);
    ending.set(write.session, write.type !== 'entry');
  }
  const expiring: ProducedSession[] = [];
  // Another process may have ended the session, which shortened its time to live: hence not the idle time alone.
  const refreshMillis = Math.min(options.idleTtlMillis / 10, options.endedTtlMillis / 2);
  for (const session of touched) {
    const ends = ending.get(session) ?? session.fate !== 'live';
    if (!ends && now - session.expirySetMillis < refreshMillis) continue;
    const ttl = Math.max(1, Math.ceil(ends ? options.endedTtlMillis : options.idleTtlMillis));
    commands.push({ key: session.keys.log, args: ['PEXPIRE', session.keys.log, String(ttl)] });
    expiring.push(session);
    // What follows an end needs its time to live back at once.
    session.expirySetMillis = ends ? -Infinity : now;
  }
  for (const { keys } of touched) commands.push({ key: keys.wake, args: [options.publish, keys.wake, ''] });
  return { commands, expiring };
}

function appendCommand(write: PendingWrite, maxEntries: number): string[] {
  const { session, type } = write;
  const line = [FIELD.producer, session.producer, FIELD.sequence, String(write.sequence)];
  // A deletion is a tombstone that replaces the whole log in one command: nothing can be read or written in between.
  if (type === 'tombstone') {
    return ['XADD', session.keys.log, 'MAXLEN', '=', '1', '*', FIELD.tombstone, String(write.mark), ...line];
  }
  const head = ['XADD', session.keys.log, 'MAXLEN', '~', String(maxEntries), '*'];
  if (type === 'end') return [...head, FIELD.end, String(write.mark), ...line];
  return [...head, FIELD.data, write.data, ...line];
}
