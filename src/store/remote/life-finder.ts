import { isChat, kindOf } from '../../entry/entry-detail.ts';
import type { EntryKind } from '../../entry/tokens.ts';
import type { OpenOptions } from '../session-store.ts';
import type { StoredItem } from './stored-item.ts';

/** What is looked for in a life, newest first. */
interface Sought {
  /** It, as far as is known. */
  readonly start: StoredItem | undefined;
  /** Meets the next older entry; `true`: found. */
  meet(item: StoredItem): boolean;
}

/** Looks through a log, newest first, for the start of its current life, or for what is sought in it. */
export class LifeFinder {
  readonly #sought: Sought | undefined;
  #oldest: StoredItem | undefined = undefined;
  readonly met: Map<string, number> = new Map<string, number>();

  constructor(sought: Sought | undefined) {
    this.#sought = sought;
  }

  get start(): StoredItem | undefined {
    return this.#sought?.start ?? this.#oldest;
  }

  /** Some producer's oldest item of those met is not its first. */
  get beginsInMidLine(): boolean {
    return [...this.met.values()].some((behind) => behind > 0);
  }

  meet(item: StoredItem): 'stop' | undefined {
    if (item.isMark) return this.#oldest === undefined ? undefined : 'stop';
    if (item.type === 'unknown') return undefined;
    this.#oldest = item;
    this.met.set(item.producer, item.sequence - 1);
    if (this.#sought === undefined || item.unreadable !== undefined) return undefined;
    return this.#sought.meet(item) ? 'stop' : undefined;
  }
}

/** Looks for the oldest of the newest entries that count. */
export class NewestEntries implements Sought {
  #wanted: number;
  readonly #counts: OpenOptions['counts'];
  /** The lowest number of each producer so far. */
  readonly #lowest = new Map<string, number>();
  start: StoredItem | undefined = undefined;

  constructor(count: number, counts: OpenOptions['counts']) {
    this.#wanted = count;
    this.#counts = counts;
  }

  meet(item: StoredItem): boolean {
    const { producer, sequence, detail } = item;
    // Written twice, of which a cursor meets one.
    if (sequence >= (this.#lowest.get(producer) ?? Infinity)) return false;
    this.#lowest.set(producer, sequence);
    if (this.#counts?.(detail) === false) return false;
    this.#wanted -= 1;
    if (this.#wanted > 0) return false;
    this.start = item;
    return true;
  }
}

/** Looks for the start of the latest answer. */
export class LatestAnswer implements Sought {
  #answer: StoredItem | undefined = undefined;
  /** A start without a stream id, of which it is not known yet whether it goes on with an older answer. */
  #candidate: StoredItem | undefined = undefined;
  #candidateIs: 'unseen' | 'after-tool-call' = 'unseen';
  /** The latest start with a stream id that is older than the candidate. */
  #older: StoredItem | undefined = undefined;

  get start(): StoredItem | undefined {
    return this.#answer ?? this.#candidate;
  }

  meet(item: StoredItem): boolean {
    const { detail } = item;
    if (!isChat(detail)) return false;
    if (this.#candidate !== undefined && detail?.streamId === undefined) this.#judgeCandidate(kindOf(detail));
    if (this.#answer === undefined && detail?.kind === 'stream-start') {
      if (detail.streamId === undefined) {
        this.#candidate = item;
        this.#candidateIs = 'unseen';
      } else if (this.#candidate === undefined) {
        this.#answer = item;
      } else {
        this.#older ??= item;
      }
    }
    return this.#answer !== undefined;
  }

  /** What an entry before a start says about it: `startBy`, read backwards. */
  #judgeCandidate(kind: EntryKind): void {
    if (this.#candidateIs === 'unseen') {
      if (kind === 'tool-call-end') this.#candidateIs = 'after-tool-call';
      else this.#answer = this.#candidate;
    } else if (kind === 'stream-end') {
      this.#answer = this.#candidate;
    } else if (kind === 'stream-start') {
      // It went on with this older one, or with an even older: one with a stream id that began in between is the latest.
      this.#answer = this.#older;
      this.#candidate = undefined;
    }
  }
}
