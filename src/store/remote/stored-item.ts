import type { EntryDetail } from '../../entry/entry-detail.ts';
import { decodeEntry, isPlain } from './entry-codec.ts';
import type { EncodedEntry, Unreadable } from './entry-codec.ts';
import type { PendingWrite } from './produced-sessions.ts';
import type { RemoteItem } from './remote-log.ts';

/**
 * Names of the fields of one item of a session's log.
 *
 * The version rule, since hosts of several versions read and write a session at once. Every item has a producer and a
 * number. What it is, one of the other fields says: a new kind of item has a new one in their place, and so has a mark
 * that does more than those of today, whose value is a plain number. The format of an entry is told by its data, see
 * `decodeEntry`. A field that an older version may overlook without harm is simply added. Another layout than such items
 * has another place in the engine, and so has another work position.
 *
 * What a reader does not know in an item with a producer and a number, a newer version wrote. It is left where it is and
 * passed over: counted and told, but not as missed; a `pop` that claims it sets it aside for that version.
 */
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

/** One thing in a session's log, as this version reads it. */
export class StoredItem {
  readonly id: string;
  /** `unknown`: neither; of a newer version, or not written by this package. */
  readonly type: 'entry' | 'end' | 'tombstone' | 'unknown';
  readonly producer: string;
  readonly sequence: number;
  /** Of a mark: its number. */
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

  /** It ends a life of the session. */
  get isMark(): boolean {
    return this.type === 'end' || this.type === 'tombstone';
  }

  /** The entry, decoded when asked; `undefined`: there is none that this version can read. */
  get entry(): EncodedEntry | undefined {
    if (this.type !== 'entry') return undefined;
    const decoded = (this.#decoded ??= decodeEntry(this.#data));
    return typeof decoded === 'string' ? undefined : decoded;
  }

  /** The detail alone. */
  get detail(): EntryDetail | undefined {
    return isPlain(this.#data) ? undefined : this.entry?.detail;
  }

  /** Why it is neither a mark nor an entry that this version can read; `undefined`: it is one. */
  get unreadable(): Unreadable | undefined {
    if (this.isMark || this.entry !== undefined) return undefined;
    const isOurs = this.producer !== '' && Number.isSafeInteger(this.sequence) && this.sequence >= 0;
    return isOurs && (this.#decoded ?? 'newer_version') === 'newer_version' ? 'newer_version' : 'not_an_entry';
  }

  /** Characters it takes, about. */
  get size(): number {
    return this.#data.length + 64;
  }
}

function isNumber(value: string): boolean {
  return /^\d+$/.test(value);
}

/** What is appended for a write. */
export function fieldsOf({ type, session, sequence, mark, data }: PendingWrite): string[] {
  const name = type === 'entry' ? FIELD.data : type === 'end' ? FIELD.end : FIELD.tombstone;
  const value = type === 'entry' ? data : String(mark);
  return [name, value, FIELD.producer, session.line, FIELD.sequence, String(sequence)];
}
