import { createHash } from 'node:crypto';

import { ATTRIBUTE, ownText } from '../formats.ts';
import { NO_BLOCK } from './block.ts';
import type { Entry } from './block.ts';
import type { Numbers } from './block-list.ts';
import { isChatRecord, kindOf, textOf } from './entry.ts';
import { knownMillis } from './log-data.ts';
import type { LogData, Origin } from './log-data.ts';
import { Origins } from './origins.ts';
import { Session } from './session.ts';
import type { SessionKind } from './session.ts';
import { entryBytes, SESSION_BYTES } from './sizes.ts';
import type { Source, SourceState } from './source.ts';

/** The most that the model holds. */
export interface ModelBounds {
  /** @default 1,000,000 */
  readonly maxEntries?: number | undefined;
  /** @default 100,000 */
  readonly maxSessions?: number | undefined;
  /** About how much memory all sessions take. @default 1 GiB */
  readonly maxBytes?: number | undefined;
}

export interface ModelOptions extends ModelBounds {
  /** Attributes that name the session of a record. The first one that a record has counts. */
  readonly sessionAttributes?: readonly string[] | undefined;
  readonly now?: (() => number) | undefined;
}

/** What was dropped because of a bound. */
export interface Evicted {
  readonly sessions: number;
  readonly entries: number;
  /** The bound that was reached last. */
  readonly bound?: keyof Bounds;
}

/** What the model holds at most. Bytes are of memory, about. */
export interface Bounds {
  readonly entries: number;
  readonly sessions: number;
  readonly bytes: number;
}

export const SESSION_ATTRIBUTES: readonly string[] = [ATTRIBUTE.sessionId, ATTRIBUTE.conversationId];

const MAX_ENTRIES = 1_000_000;
const MAX_SESSIONS = 100_000;
const MAX_BYTES = 1_073_741_824;
/** When a bound is reached, this share is dropped at once, so that sessions are not sorted for each entry. */
const SLACK = 0.02;
/** Longest name of a session, in UTF-16 units. */
const MAX_NAME = 256;

/** How a record comes in. */
export interface Arrival {
  readonly source: Source;
  /** The record was written before the viewer looked: its own time is when the session was active. */
  readonly isPast?: boolean;
  /** The id of the entry in the application. */
  readonly entryId?: string;
  /** The session of a record that names none. @default the service of its resource */
  readonly fallback?: { readonly name: string; readonly kind: SessionKind };
}

/**
 * All sessions that the viewer holds, in memory. At a bound it drops the sessions that were active longest ago; a session that
 * reaches the bound alone loses its oldest blocks. `evicted` counts both.
 */
export class SessionModel {
  readonly sessions: Map<string, Session> = new Map<string, Session>();
  readonly sources: SourceState[] = [];
  readonly now: () => number;
  readonly bounds: Bounds;
  readonly #sessionAttributes: readonly string[];
  readonly #numbers: Numbers;
  readonly #origins = new Origins();
  #seq = 0;
  #block = 0;
  #ordinal = 0;
  #entries = 0;
  #added = 0;
  #bytes = 0;
  #evicted: Evicted = { sessions: 0, entries: 0 };
  /** Sessions in the order in which they began. With `#hasHoles`, some of them are no longer held. */
  #order: Session[] = [];
  #hasHoles = false;

  constructor(options: ModelOptions = {}) {
    this.bounds = {
      entries: options.maxEntries ?? MAX_ENTRIES,
      sessions: options.maxSessions ?? MAX_SESSIONS,
      bytes: options.maxBytes ?? MAX_BYTES,
    };
    this.#sessionAttributes = options.sessionAttributes ?? SESSION_ATTRIBUTES;
    this.now = options.now ?? Date.now;
    this.#numbers = { nextBlock: () => (this.#block += 1), nextSeq: () => (this.#seq += 1) };
  }

  /** Records that have come since the start. */
  get added(): number {
    return this.#added;
  }

  /** The cursor: a page that has seen everything up to here resumes from it. */
  get cursor(): number {
    return this.#seq;
  }

  get entries(): number {
    return this.#entries;
  }

  /** About how much memory all sessions take. */
  get bytes(): number {
    return this.#bytes;
  }

  get evicted(): Evicted {
    return this.#evicted;
  }

  /** Sessions in the order in which they began. */
  get inOrder(): readonly Session[] {
    if (this.#hasHoles) {
      this.#order = this.#order.filter((session) => this.sessions.get(session.key) === session);
      this.#hasHoles = false;
    }
    return this.#order;
  }

  /** Adds a source. The page shows its state. */
  addSource(name: string, kind: Source['kind']): SourceState {
    const state: SourceState = { id: this.sources.length, name, kind, records: 0, unreadable: 0, notes: new Map() };
    this.sources.push(state);
    return state;
  }

  /** Takes a record, which the caller must not change afterwards. @returns Its entry. */
  add(data: LogData, arrival: Arrival): Entry {
    const { source } = arrival;
    const now = this.now();
    const millis = knownMillis(data.millis) || knownMillis(data.observedMillis) || now;
    const session = this.#sessionFor(data, arrival);
    const kind = kindOf(data);
    const { origin, bytes: originBytes } = this.#origins.hold(data.origin);
    (data as { origin: Origin }).origin = origin;
    const isChat = isChatRecord(data);
    const text = textOf(data, kind);
    const bytes = entryBytes(data, text, isChat) + originBytes;
    const entry: Entry = {
      seq: (this.#seq += 1),
      session: session.key,
      id: arrival.entryId ?? '',
      data,
      kind,
      isChat,
      text,
      millis,
      source: source.id,
      bytes,
      block: NO_BLOCK,
      part: 'mark',
    };
    session.add(entry, arrival.isPast === true ? Math.min(millis, now) : now, now);
    source.records += 1;
    this.#entries += 1;
    this.#added += 1;
    this.#bytes += bytes;
    const reached = this.#boundReached(1);
    if (reached !== undefined) this.#makeRoom(session, reached);
    return entry;
  }

  /** The session of that name, if it is held. */
  find(name: string, kind: SessionKind = 'session'): Session | undefined {
    return this.sessions.get(keyOf(name, kind)) ?? this.sessions.get(keyOf(nameOf(name), kind));
  }

  #sessionFor(data: LogData, { fallback }: Arrival): Session {
    const id = this.#idOf(data);
    if (id !== undefined) return this.#session(id, 'session');
    if (fallback !== undefined) return this.#session(fallback.name, fallback.kind);
    const service = data.origin.resource['service.name'];
    return this.#session(typeof service === 'string' && service !== '' ? service : 'unknown service', 'service');
  }

  #idOf({ attributes }: LogData): string | undefined {
    for (const name of this.#sessionAttributes) {
      const id = attributes[name];
      if (typeof id === 'string' && id !== '') return id;
      if (typeof id === 'number' || typeof id === 'bigint') return String(id);
    }
    return undefined;
  }

  /** The session of that name, made if there is none. */
  #session(given: string, kind: SessionKind): Session {
    const known = this.find(given, kind);
    if (known !== undefined) return known;
    const name = nameOf(given);
    const key = keyOf(name, kind);
    const session = new Session({ key, name, kind, ordinal: (this.#ordinal += 1), bornAt: this.#seq }, this.#numbers);
    this.sessions.set(key, session);
    this.#bytes += SESSION_BYTES;
    this.#order.push(session);
    return session;
  }

  /** @param share Of each bound. */
  #boundReached(share: number): keyof Bounds | undefined {
    const { entries, sessions, bytes } = this.bounds;
    if (this.#entries > entries * share) return 'entries';
    if (this.sessions.size > sessions * share) return 'sessions';
    return this.#bytes > bytes * share ? 'bytes' : undefined;
  }

  #makeRoom(current: Session, bound: keyof Bounds): void {
    this.#evicted = { ...this.#evicted, bound };
    const isOver = (): boolean => this.#boundReached(1 - SLACK) !== undefined;
    for (const session of this.inOrder.toSorted((a, b) => a.activeMillis - b.activeMillis)) {
      if (!isOver()) return;
      if (session !== current) this.#evict(session);
    }
    while (isOver() && current.entries.length > 1) {
      const before = current.bytes;
      const dropped = current.trim(Math.max(1, Math.ceil(current.entries.length / 10)));
      if (dropped === 0) return;
      this.#count(0, dropped, before - current.bytes);
    }
  }

  #evict(session: Session): void {
    this.sessions.delete(session.key);
    this.#hasHoles = true;
    this.#count(1, session.entries.length, session.bytes + SESSION_BYTES);
  }

  #count(sessions: number, entries: number, bytes: number): void {
    this.#entries -= entries;
    this.#bytes -= bytes;
    this.#evicted = {
      ...this.#evicted,
      sessions: this.#evicted.sessions + sessions,
      entries: this.#evicted.entries + entries,
    };
    this.#seq += 1;
  }
}

/**
 * The name under which a session is held. Halves of surrogate pairs are replaced, since an address would change them. An id that
 * is too long is cut, and gets a hash to tell it from others.
 */
function nameOf(given: string): string {
  const whole = given.replaceAll(/\p{Surrogate}/gu, '\ufffd');
  if (whole.length <= MAX_NAME) return whole;
  const hash = createHash('sha256').update(given).digest('hex').slice(0, 16);
  return ownText(`${whole.slice(0, MAX_NAME - 20)}… ${hash}`.replaceAll(/\p{Surrogate}/gu, ''));
}

/** The key of a session. It has the kind in it, since a service may have the name of a session. */
export function keyOf(name: string, kind: SessionKind): string {
  return kind === 'session' ? `s:${name}` : `${kind === 'service' ? 'v' : 'o'}:${name}`;
}
