import { wholeAttribute } from '../../otel/attribute-limits.ts';
import { afterKind, startIn } from '../../entry/answer-state.ts';
import { ABANDONED, kindOf } from '../../entry/entry-detail.ts';
import type { RoutedRecord } from '../../entry/routed-record.ts';
import { kindOfEventName } from '../../entry/tokens.ts';
import type { EntryKind } from '../../entry/tokens.ts';
import type { LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { MAX_TIMER_MILLIS } from '../../support/timeouts.ts';
import { CoalescedStream } from './coalesced-stream.ts';
import type { Finished, Placement } from './coalesced-stream.ts';
import { StreamTable } from './stream-table.ts';

/** Bounds and manner of merging; see `CoalescingOptions`. */
export interface MergeRules {
  readonly maxChars: number;
  readonly maxDelayMillis: number;
  readonly content: 'keep' | 'omit';
  /** Streams under way at most; beyond them the oldest is passed on as it stands. */
  readonly maxStreams: number;
  /** UTF-16 units held at most over all streams. */
  readonly maxHeldChars: number;
}

/**
 * Decides which records merge and when a merged record is complete.
 *
 * `pass` gets each finished record, in order within a stream, and must not throw. It may come back into `take`: state
 * is settled before each call.
 */
export class ChunkMerger {
  readonly #rules: MergeRules;
  readonly #pass: (finished: Finished) => void;
  readonly #streams = new StreamTable();
  /** Streams that hold something, in the order in which their time is over. */
  readonly #held = new Set<CoalescedStream>();
  #heldChars = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(rules: MergeRules, pass: (finished: Finished) => void) {
    this.#rules = rules;
    this.#pass = pass;
  }

  /** Streams under way. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** UTF-16 units held. */
  get heldChars(): number {
    return this.#heldChars;
  }

  /**
   * Takes a record of a session: `true` when it went into a merged record, `false` when the caller has to pass it on
   * as it is; what has to go before it was passed on then.
   */
  take(record: LogRecord, sessionId: string, placement: Placement): boolean {
    const kind = chatKindOf(record, placement.routed);
    if (kind === undefined) return false;
    const id = wholeAttribute(
      record,
      ATTRIBUTE.streamId,
      record.attributes[ATTRIBUTE.streamId],
      placement.routed?.detail?.streamId,
    );
    const streamId = typeof id === 'string' ? id : undefined;
    const known = this.#streams.get(sessionId, streamId);
    const stream = known ?? new CoalescedStream(sessionId, streamId, this.#rules.content);
    // What a start does, and an end, depends on how the answer stood before.
    if (kind !== 'stream-start' && kind !== 'stream-end') stream.open = afterKind(stream.open, kind);
    switch (kind) {
      case 'text':
        return this.#takeText(record, stream, placement);
      case 'stream-start':
        this.#takeStart(record, stream, placement);
        return true;
      case 'stream-end':
        this.#release(stream, () => stream.finish(record, placement));
        return true;
      case 'error':
        this.#cut(stream, () => stream.breakOff('error'));
        return false;
      default:
        // A mark: the text before it is complete.
        this.#cut(stream, () => stream.cut(true));
        return false;
    }
  }

  /** Passes on what is held, of one session or of all. `isOver`: the text ends here, also within a surrogate pair. */
  flush(isOver: boolean, sessionId?: string): void {
    const streams = sessionId === undefined ? this.#streams.all() : this.#streams.ofSession(sessionId);
    for (const stream of streams) this.#cut(stream, () => stream.cut(isOver));
  }

  /** Passes on everything and forgets all streams. */
  close(): void {
    for (const stream of this.#streams.all()) this.#release(stream, () => stream.cut(true));
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #takeText(record: LogRecord, stream: CoalescedStream, placement: Placement): boolean {
    const { maxChars, content } = this.#rules;
    const { body } = record;
    const text = typeof body === 'string' ? body : '';
    const isJoinable = typeof body === 'string' || content === 'omit';
    const before = stream.length;
    if (isJoinable && stream.addMore(record, text, placement, maxChars)) {
      this.#heldChars += stream.length - before;
      if (this.#heldChars > this.#rules.maxHeldChars) this.#keepBounds();
      return true;
    }
    if (stream.hasContent) {
      // A value that is no text cannot be joined to one; the chunks before it go first.
      if (!isJoinable || !stream.accepts(record, placement)) this.#cut(stream, () => stream.cut(true));
      else if (stream.length + text.length > maxChars) this.#cut(stream, () => stream.cut(false));
    }
    if (!isJoinable) return false;
    const left = stream.length;
    stream.add(record, text, placement, maxChars);
    this.#heldChars += stream.length - left;
    if (!this.#held.has(stream)) this.#hold(stream);
    while (stream.length > maxChars) this.#cut(stream, () => stream.cutFull(maxChars));
    this.#keepBounds();
    return true;
  }

  #takeStart(record: LogRecord, running: CoalescedStream, placement: Placement): void {
    let stream = running;
    const { sessionId, streamId } = stream;
    const start = streamId === undefined ? startIn(stream.open) : 'begins';
    if (start !== 'goes-on') {
      const reason = start === 'takes-place' ? ABANDONED : undefined;
      this.#release(running, () => running.finish(undefined, undefined, reason));
      stream = new CoalescedStream(sessionId, streamId, this.#rules.content);
    }
    stream.start(record, placement);
    this.#streams.add(stream);
    this.#keepBounds();
  }

  #hold(stream: CoalescedStream): void {
    stream.heldSince = performance.now();
    this.#streams.add(stream);
    this.#held.add(stream);
    this.#timer ??= this.#startTimer(this.#rules.maxDelayMillis);
  }

  /** Takes a record out of the stream and passes it on. A stream without a start is forgotten once it holds nothing. */
  #cut(stream: CoalescedStream, take: () => Finished | undefined): void {
    const before = stream.length;
    const finished = take();
    this.#heldChars += stream.length - before;
    this.#held.delete(stream);
    if (stream.hasContent) this.#hold(stream);
    else if (!stream.isOpen) this.#streams.delete(stream);
    if (finished !== undefined) this.#pass(finished);
  }

  /** The same, and the stream is over. */
  #release(stream: CoalescedStream, take: () => Finished | undefined): void {
    const before = stream.length;
    const finished = take();
    this.#heldChars -= before;
    this.#held.delete(stream);
    this.#streams.delete(stream);
    if (finished !== undefined) this.#pass(finished);
  }

  #keepBounds(): void {
    while (this.#streams.size > this.#rules.maxStreams) {
      const oldest = this.#streams.oldest;
      if (oldest === undefined) break;
      this.#release(oldest, () => oldest.cut(true));
    }
    while (this.#heldChars > this.#rules.maxHeldChars) {
      const [oldest] = this.#held;
      if (oldest === undefined) break;
      this.#cut(oldest, () => oldest.cut(oldest.length === 1));
    }
  }

  #startTimer(delayMillis: number): NodeJS.Timeout {
    // Not a reason for the process to live: what is held is passed on at its exit.
    return setTimeout(() => this.#onTimer(), Math.min(Math.ceil(delayMillis), MAX_TIMER_MILLIS)).unref();
  }

  #onTimer(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const stream of this.#held) {
      const left = stream.heldSince + this.#rules.maxDelayMillis - now;
      // Node's timers fire up to a millisecond early.
      if (left >= 1) {
        this.#timer ??= this.#startTimer(left);
        return;
      }
      // Half a surrogate pair that stood alone for the whole time is not going to be completed.
      this.#cut(stream, () => stream.cut(stream.length === 1));
    }
  }
}

/** The kind of a chat record; `undefined` for what belongs to the log, or is an event that we do not know. */
function chatKindOf(record: LogRecord, routed: RoutedRecord | undefined): EntryKind | undefined {
  const known = routed === undefined ? undefined : (routed.detail?.logType ?? 'chat');
  const logType = wholeAttribute(record, ATTRIBUTE.logType, record.attributes[ATTRIBUTE.logType], known);
  if (logType === 'log' || (logType !== 'chat' && (record.severityNumber ?? 0) !== 0)) return undefined;
  const { eventName } = record;
  if (eventName === undefined) return kindOf(routed?.detail);
  // An unknown name would be lost in a merged record.
  const kind = kindOfEventName(eventName);
  return kind === 'text' ? undefined : kind;
}
