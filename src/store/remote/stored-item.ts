import type { EntryDetail } from '../../entry/entry-detail.ts';
import { decodeEntry, isPlain } from './entry-codec.ts';
import type { EncodedEntry, Unreadable } from './entry-codec.ts';
import type { PendingWrite } from './produced-sessions.ts';
import type { RemoteItem } from './remote-log.ts';

/**
 * Names of the fields of one item of a session's log.
 *
 * The version rule, because hosts of several versions read and write a session at the same time: every item has a
 * producer and a number. One of the other fields says what it is; a new kind of item has a new field instead, and so
 * has a mark that does more than today's marks, whose value is a plain number. The data of an entry shows its format,
 * see `decodeEntry`. A field that an older version may safely overlook is added. Another layout, or another work
 * position, has another place in the engine.
 *
 * A newer version wrote anything unknown in an item with a producer and a number. Readers leave it in place and skip
 * it; it is counted and reported, but not as missed. A `pop` that claims it sets it aside for that version.
 */
export const FIELD = {
  /** The encoded entry. */
  data: 'd',
  /** Its producer: the line of its sequence numbers. */
  producer: 'p',
  /** Its number in that line; for a mark, the number of the entry before it. */
  sequence: 'n',
  /** Only on an end mark: its number among the producer's marks. */
  end: 'e',
  /** Only on a tombstone, likewise: the session was deleted at this point. */
  tombstone: 'x',
} as const;

/** One item of a session's log, as this version reads it. */
export class StoredItem {
  readonly id: string;
  /** `unknown`: written by a newer version, or not by this package. */
  readonly type: 'entry' | 'end' | 'tombstone' | 'unknown';
  readonly producer: string;
  readonly sequence: number;
  /** For a mark, its number. */
  readonly mark: number;
  readonly #data: string;
  #decoded: EncodedEntry | Unreadable | undefined;

  constructor({ id, fields }: RemoteItem) {
    this.id = id;
    let type: StoredItem['type'] | undefined;
    let producer = '';
    let sequence = Number.NaN;
    let mark = 0;
    let data: string | undefined;
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
          type = isNumber(value) ? 'end' : 'unknown';
          mark = Number(value);
          break;
        case FIELD.tombstone:
          type = isNumber(value) ? 'tombstone' : 'unknown';
          mark = Number(value);
          break;
      }
    }
    this.type = type ?? (data === undefined ? 'unknown' : 'entry');
    this.producer = producer;
    this.sequence = sequence;
    this.mark = mark;
    this.#data = data ?? '';
  }

  /** Whether it ends a life of the session. */
  get isMark(): boolean {
    return this.type === 'end' || this.type === 'tombstone';
  }

  /** The entry, decoded on access; `undefined` if there is none that this version can read. */
  get entry(): EncodedEntry | undefined {
    if (this.type !== 'entry') return undefined;
    const decoded = (this.#decoded ??= decodeEntry(this.#data));
    return typeof decoded === 'string' ? undefined : decoded;
  }

  /** Only the entry's detail. */
  get detail(): EntryDetail | undefined {
    return isPlain(this.#data) ? undefined : this.entry?.detail;
  }

  /** Why it is neither a mark nor an entry that this version can read; `undefined` if it is. */
  get unreadable(): Unreadable | undefined {
    if (this.isMark || this.entry !== undefined) return undefined;
    const isOurs = this.producer !== '' && Number.isSafeInteger(this.sequence) && this.sequence >= 0;
    return isOurs && (this.#decoded ?? 'newer_version') === 'newer_version' ? 'newer_version' : 'not_an_entry';
  }

  /** Its approximate size in characters. */
  get size(): number {
    return this.#data.length + 64;
  }
}

function isNumber(value: string): boolean {
  return /^\d+$/.test(value);
}

/** The fields to append for a write. */
export function fieldsOf({ type, session, sequence, mark, data }: PendingWrite): string[] {
  const name = type === 'entry' ? FIELD.data : type === 'end' ? FIELD.end : FIELD.tombstone;
  const value = type === 'entry' ? data : String(mark);
  return [name, value, FIELD.producer, session.line, FIELD.sequence, String(sequence)];
}
