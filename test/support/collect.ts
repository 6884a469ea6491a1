import type { LogEntry, SessionReader } from '../../src/index.ts';

/** What a reader yields until it ends, or as many items as asked for. */
export async function collect<T extends string | LogEntry>(
  reader: SessionReader<T>,
  count: number = Infinity,
): Promise<T[]> {
  const items: T[] = [];
  while (items.length < count) {
    const { done, value } = await reader.next();
    if (done === true) break;
    items.push(value);
  }
  return items;
}
