import { RedisFailure } from './redis-client.ts';
import type { RedisLink } from './redis-link.ts';
import { itemsOf, reverseCommand } from './redis-page.ts';
import type { StoredItem } from './redis-page.ts';
import type { ProducedSession } from './redis-producer.ts';
import type { PendingWrite } from './redis-write-queue.ts';

const PAGE_ITEMS = 500;

/**
 * The newest thing that the session's producer has in the log, after an outcome that is not known: what it says is
 * stored is not sent again. Looks no further back than the last entry known to be stored.
 */
export async function newestOwn(
  link: RedisLink,
  session: ProducedSession,
): Promise<StoredItem | undefined | RedisFailure> {
  const oldest = session.storedId ?? '-';
  let from = '+';
  for (;;) {
    const [reply] = await link.exec([reverseCommand(session.keys.log, from, oldest, PAGE_ITEMS)]);
    const items = itemsOf(reply);
    if (items instanceof RedisFailure) return items;
    const own = items.find((item) => item.producer === session.producer);
    if (own !== undefined) return own;
    const last = items.at(-1);
    if (last === undefined || items.length < PAGE_ITEMS) return undefined;
    from = `(${last.id}`;
  }
}

/** Whether the write was stored, given the newest thing of its producer: writes are stored in order. */
export function isStoredBy(write: PendingWrite, newest: StoredItem): boolean {
  if (write.type === 'entry') return write.sequence <= newest.sequence;
  return newest.type === 'entry' ? write.sequence < newest.sequence : write.mark <= newest.mark;
}
