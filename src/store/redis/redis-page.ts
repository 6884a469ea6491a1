import type { EntryDetail } from '../../entry.ts';
import { RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisReply } from './redis-client.ts';
import { decodeEntry } from './redis-codec.ts';
import type { EncodedEntry } from './redis-codec.ts';

/** Names of the fields of one stream entry. */
export const FIELD = {
  /** The encoded entry. */
  data: 'd',
  /** Who wrote it: the line of its sequence numbers. */
  producer: 'p',
  /** Its number in that line; of a mark the number of the entry before it. */
  sequence: 'n',
  /** Only on an end mark: its number among the producer's marks. */
  end: 'e',
  /** Only on a tombstone, likewise: the session was deleted here. */
  tombstone: 'x',
} as const;

/** One thing in a session's stream. */
export class StoredItem {
  readonly id: string;
  readonly type: 'entry' | 'end' | 'tombstone';
  readonly producer: string;
  readonly sequence: number;
  /** Of a mark: its number. */
  readonly mark: number;
  readonly #data: string;
  #entry: EncodedEntry | undefined;

  constructor(id: string, fields: readonly unknown[]) {
    this.id = id;
    let type: 'entry' | 'end' | 'tombstone' = 'entry';
    let producer = '';
    let sequence = Number.NaN;
    let mark = 0;
    let data = '';
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const value = String(fields[index + 1]);
      switch (fields[index]) {
        case FIELD.data:
          data = value;
          break;
        case FIELD.producer:
          producer = value;
          break;
        case FIELD.sequence:
          sequence = Number(value);
          break;
        case FIELD.end:
          type = 'end';
          mark = Number(value);
          break;
        case FIELD.tombstone:
          type = 'tombstone';
          mark = Number(value);
          break;
      }
    }
    this.type = type;
    this.producer = producer;
    this.sequence = sequence;
    this.mark = mark;
    this.#data = data;
  }

  /** The entry, decoded when asked; `undefined`: not written by this package. */
  get entry(): EncodedEntry | undefined {
    return (this.#entry ??= decodeEntry(this.#data));
  }

  /** The detail alone. */
  get detail(): EntryDetail | undefined {
    // A plain chunk has none, which its first character tells.
    return this.#data.charCodeAt(0) === 123 /* { */ ? this.entry?.detail : undefined;
  }

  /** Characters it takes, about. */
  get size(): number {
    return this.#data.length + 64;
  }
}

/** Items of an XRANGE or XREVRANGE reply, in its order, or the failure. */
export function itemsOf(reply: RedisReply): StoredItem[] | RedisFailure {
  if (reply instanceof RedisFailure) return reply;
  if (!Array.isArray(reply)) return [];
  const items: StoredItem[] = [];
  for (const row of reply as unknown[]) {
    if (!Array.isArray(row) || typeof row[0] !== 'string' || !Array.isArray(row[1])) continue;
    items.push(new StoredItem(row[0], row[1] as unknown[]));
  }
  return items;
}

/** Items from `from` on, oldest first. `(` before an id leaves that one out. */
export function rangeCommand(key: string, from: string, to: string, count: number): RedisCommand {
  return { key, args: ['XRANGE', key, from, to, 'COUNT', String(count)] };
}

/** Items from `from` back, newest first. */
export function reverseCommand(key: string, from: string, to: string, count: number): RedisCommand {
  return { key, args: ['XREVRANGE', key, from, to, 'COUNT', String(count)] };
}
