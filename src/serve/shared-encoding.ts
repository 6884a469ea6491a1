import { makeEntry } from '../entry/entry.ts';
import type { SessionCursor, SessionStore } from '../store/session-store.ts';
import { startTimer } from '../support/timers.ts';
import { entryEvent } from './event-format.ts';
import type { EntryFormat } from './event-format.ts';

/** An entry encoded for clients. */
export interface EncodedEntry {
  readonly id: string;
  /** The event, shared with other clients: do not change it. `undefined` if the entry is left out. */
  readonly bytes: Buffer | undefined;
}

/** Encoded events are kept for one to two of these periods, so a deleted session's text stays no longer than 100 ms. */
const KEPT_MILLIS = 50;
/** A generation ends early at this size: a session keeps at most twice as much, plus two events. */
const KEPT_BYTES = 256 * 1024;
/** Cost of a kept entry besides its event. */
const ENTRY_BYTES = 200;

const encodings = new Map<string, SharedEncoding>();
const serials = new WeakMap<object, number>();
let lastSerial = 0;

/**
 * Encodes the events of one session in one format once for all clients that get an entry at about the same time.
 *
 * Clients share if their `map` and `onError` are the same functions. Nothing is kept for a single client.
 */
export class SharedEncoding {
  readonly #key: string;
  readonly #sessionId: string;
  readonly #format: EntryFormat;
  #clients = 0;
  // Two generations, so that an entry is not dropped while its clients are being woken.
  #young = new Map<string, EncodedEntry>();
  #old = new Map<string, EncodedEntry>();
  #youngBytes = 0;
  #timer: NodeJS.Timeout | undefined = undefined;

  private constructor(key: string, sessionId: string, format: EntryFormat) {
    this.#key = key;
    this.#sessionId = sessionId;
    this.#format = format;
  }

  /** Adds a client, which has to {@link leave} once. */
  static join(store: SessionStore, sessionId: string, format: EntryFormat): SharedEncoding {
    const key = `${serialOf(store)} ${serialOf(format.map)} ${serialOf(format.onError)} ${sessionId}`;
    let encoding = encodings.get(key);
    if (encoding === undefined) {
      encoding = new SharedEncoding(key, sessionId, format);
      encodings.set(key, encoding);
    }
    encoding.#clients += 1;
    return encoding;
  }

  leave(): void {
    this.#clients -= 1;
    if (this.#clients < 2) this.forget();
    if (this.#clients === 0) encodings.delete(this.#key);
  }

  /** Encodes the entry that the cursor stands on. */
  encode(cursor: SessionCursor): EncodedEntry {
    const { id } = cursor;
    if (this.#clients < 2) return this.#make(cursor, id);
    const kept = this.#young.get(id) ?? this.#old.get(id);
    if (kept !== undefined) return kept;
    const made = this.#make(cursor, id);
    // `map` is foreign code: it may have ended clients.
    if (this.#clients > 1) this.#keep(made);
    return made;
  }

  /** Drops all texts at once. */
  forget(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #make(cursor: SessionCursor, id: string): EncodedEntry {
    const entry = makeEntry(id, this.#sessionId, cursor.message, cursor.timestamp, cursor.detail);
    const event = entryEvent(entry, this.#format);
    return { id, bytes: event === undefined ? undefined : Buffer.from(event) };
  }

  #keep(made: EncodedEntry): void {
    this.#young.set(made.id, made);
    this.#youngBytes += ENTRY_BYTES + (made.bytes?.length ?? 0);
    if (this.#youngBytes > KEPT_BYTES) this.#age();
    this.#timer ??= this.#startTimer();
  }

  #age(): void {
    [this.#old, this.#young] = [this.#young, this.#old];
    this.#young.clear();
    this.#youngBytes = 0;
  }

  #startTimer(): NodeJS.Timeout {
    return startTimer(() => {
      this.#age();
      this.#timer = this.#old.size === 0 ? undefined : this.#startTimer();
    }, KEPT_MILLIS).unref();
  }
}

/** A number that identifies an object; 0 for none. */
function serialOf(part: object | undefined): number {
  if (part === undefined) return 0;
  let serial = serials.get(part);
  if (serial === undefined) {
    serial = ++lastSerial;
    serials.set(part, serial);
  }
  return serial;
}
