import { Answers } from './answers.ts';
import type { Block, Entry } from './block.ts';
import { BlockList } from './block-list.ts';
import type { Numbers } from './block-list.ts';
import { chunksOf, ERROR_SEVERITY } from './entry.ts';

/** `session`: its records have its id. `service`: records of a service that name no session. `output`: what a program printed. */
export type SessionKind = 'session' | 'service' | 'output';

/**
 * - `live`: an answer is open, or something came in the last 30 seconds.
 * - `failed`: the last thing that came is an error, or an answer that broke off.
 * - `ended`: otherwise.
 */
export type SessionState = 'live' | 'ended' | 'failed';

/** After this time without an entry a session counts as ended, unless an answer of it is open. */
export const LIVE_MILLIS = 30_000;
/** After this time without an entry, an open answer counts as broken off. */
const OPEN_ANSWER_MILLIS = 10 * 60_000;

/** Longest name of a service in a row of the list, in UTF-16 units. */
const MAX_SERVICE = 256;

/** How far the entries of a session have reached the collector. */
export interface Delivered {
  /** The newest entry that is known to be there. */
  readonly seq: number;
  readonly millis: number;
}

/** The entries of a session, joined into blocks as they come. */
export class Session {
  readonly key: string;
  readonly name: string;
  readonly kind: SessionKind;
  /** A session that begins later has a higher one. */
  readonly ordinal: number;
  /** The cursor before its first entry. A page that has not seen more than this may have had another session of this name. */
  readonly bornAt: number;
  /** In the order of arrival. */
  readonly entries: Entry[] = [];
  readonly services: Set<string> = new Set();
  readonly sources: Set<number> = new Set();
  readonly #numbers: Numbers;
  readonly #list: BlockList;
  readonly #answers: Answers;
  #lastFailed = false;
  #hasEnded = false;
  firstMillis: number = Number.POSITIVE_INFINITY;
  lastMillis = 0;
  /** When the last entry came, by the clock of this process. For an entry from a file, the time of the record. */
  activeMillis = 0;
  /** Entries that were dropped because of a bound. */
  trimmed = 0;
  /** Entries that are missing for other reasons. */
  missing = 0;
  errors = 0;
  chunks = 0;
  inputTokens = 0;
  outputTokens = 0;
  bytes = 0;
  /** The cursor of its last change. */
  version = 0;
  delivered: Delivered | undefined;

  constructor(origin: Pick<Session, 'key' | 'name' | 'kind' | 'ordinal' | 'bornAt'>, numbers: Numbers) {
    this.key = origin.key;
    this.name = origin.name;
    this.kind = origin.kind;
    this.ordinal = origin.ordinal;
    this.bornAt = origin.bornAt;
    this.#numbers = numbers;
    this.#list = new BlockList(numbers);
    this.#answers = new Answers(this.#list);
  }

  /** In the order in which they began. */
  get blocks(): readonly Block[] {
    return this.#list.all;
  }

  /** Answers that began with a mark and have not ended. */
  get openAnswers(): number {
    return this.#answers.open;
  }

  stateAt(nowMillis: number): SessionState {
    // The clock may have been set back since.
    const quietMillis = Math.abs(nowMillis - this.activeMillis);
    if (!this.#hasEnded) {
      if (this.openAnswers > 0 && quietMillis < OPEN_ANSWER_MILLIS) return 'live';
      if (quietMillis < LIVE_MILLIS && !this.#lastFailed) return 'live';
    }
    return this.#lastFailed || (this.openAnswers > 0 && !this.#hasEnded) ? 'failed' : 'ended';
  }

  /**
   * Takes an entry, places it in its block, and counts it.
   *
   * @param activeMillis When the session was active: now, or in the past.
   */
  add(entry: Entry, activeMillis: number, nowMillis: number): void {
    this.entries.push(entry);
    this.bytes += entry.bytes;
    this.sources.add(entry.source);
    this.version = entry.seq;
    this.firstMillis = Math.min(this.firstMillis, entry.millis);
    this.lastMillis = Math.max(this.lastMillis, entry.millis);
    // A time that is still to come was told before the clock was set back.
    if (activeMillis > this.activeMillis || this.activeMillis > nowMillis) this.activeMillis = activeMillis;
    this.#hasEnded = false;
    this.#count(entry);
    const isError = entry.kind === 'error' || entry.data.severityNumber >= ERROR_SEVERITY;
    if (isError) this.errors += 1;
    // A message of the user is no failure, whatever came before it.
    if (entry.isChat) this.#lastFailed = this.#answers.add(entry).isFailed;
    else {
      this.#list.addSingle(entry, 'log').isFailed = isError;
      this.#lastFailed = isError;
    }
    this.#list.noteChange(entry.block, entry.seq);
  }

  #count({ data, isChat, kind }: Entry): void {
    const { attributes } = data;
    this.inputTokens += tokensIn(attributes['gen_ai.usage.input_tokens']);
    this.outputTokens += tokensIn(attributes['gen_ai.usage.output_tokens']);
    if (isChat && kind === 'text') this.chunks += chunksOf(data);
    const service = data.origin.resource['service.name'];
    if (typeof service === 'string' && this.services.size < 16) this.services.add(service.slice(0, MAX_SERVICE));
  }

  /** The blocks that changed after the cursor, in the order in which they began: at most `max`, those that changed last. */
  changedSince(cursor: number, max: number = Number.POSITIVE_INFINITY): Block[] {
    return this.#list.changedSince(cursor, max);
  }

  /** Notes that entries are missing here. @param count -1 if their number is not known. */
  addGap(count: number, reason: string, millis: number): void {
    this.missing += Math.max(0, count);
    this.version = this.#list.addDivider('gap', count, reason, millis);
    this.#answers.noteGap(this.version);
  }

  /** Ends the session: what comes later is its next life. */
  end(millis: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.version = this.#list.addDivider('end', 0, '', millis);
    // Nothing in the next life continues an answer from before the end.
    this.#answers.endAll(this.version);
  }

  /** Notes that the entries up to this one have reached the collector. */
  markDelivered(seq: number, millis: number): void {
    if (this.delivered !== undefined && seq <= this.delivered.seq) return;
    this.delivered = { seq, millis };
    this.version = this.#numbers.nextSeq();
  }

  /** The newest entry whose id in the application is this one or a lower one. */
  seqOfId(id: string): number | undefined {
    for (let at = this.entries.length - 1; at >= 0; at -= 1) {
      const entry = this.entries[at] as Entry;
      if (entry.id !== '' && entry.id <= id) return entry.seq;
    }
    return undefined;
  }

  /** Drops this many of the oldest entries, but never the newest one. @returns How many it dropped. */
  trim(count: number): number {
    const gone = this.entries.splice(0, Math.min(count, this.entries.length - 1));
    for (const { bytes } of gone) this.bytes -= bytes;
    this.#answers.forget(this.#list.dropOldest(gone, this.entries[0]?.seq ?? 0));
    this.trimmed += gone.length;
    this.version = this.#numbers.nextSeq();
    return gone.length;
  }
}

function tokensIn(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
