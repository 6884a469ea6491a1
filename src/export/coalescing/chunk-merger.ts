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

/** How records are merged, and the bounds; see `CoalescingOptions`. */
export interface MergeRules {
  readonly maxChars: number;
  readonly maxDelayMillis: number;
  readonly content: 'keep' | 'omit';
  /** The most streams under way; beyond it the oldest is passed on as it is. */
  readonly maxStreams: number;
  /** The most UTF-16 units held over all streams. */
  readonly maxHeldChars: number;
}

/**
 * Decides which records are merged, and when a merged record is complete.
 *
 * `pass` gets each finished record, in order within a stream, and must not throw. It may call `take`: the state is
 * consistent before each call.
 */
export class ChunkMerger {
  readonly #rules: MergeRules;
  readonly #pass: (finished: Finished) => void;
  readonly #streams = new StreamTable();
  /** Streams that hold something, in the order in which their delay ends. */
  readonly #held = new Set<CoalescedStream>();
  #heldChars = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(rules: MergeRules, pass: (finished: Finished) => void) {
    this.#rules = rules;
    this.#pass = pass;
  }

  /** The number of streams under way. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** The number of UTF-16 units held. */
  get heldChars(): number {
    return this.#heldChars;
  }

  /**
   * Takes a record of a session. Returns `true` when it was merged, and `false` when the caller has to pass it on
   * unchanged; what has to precede it is passed on by then.
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

  /** Passes on what is held, of one session or of all. `isOver`: the text ends here, even within a surrogate pair. */
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
      // A body that is not text cannot be joined; the chunks before it are passed on first.
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

  /** Takes a record out of the stream and passes it on. A stream without a start is removed once it holds nothing. */
  #cut(stream: CoalescedStream, take: () => Finished | undefined): void {
    const before = stream.length;
    const finished = take();
    this.#heldChars += stream.length - before;
    this.#held.delete(stream);
    if (stream.hasContent) this.#hold(stream);
    else if (!stream.isOpen) this.#streams.delete(stream);
    if (finished !== undefined) this.#pass(finished);
  }

  /** Takes the last record out of the stream, removes the stream, and passes the record on. */
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
    // The timer does not keep the process alive: what is held is passed on when it exits.
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
      // Half a surrogate pair that was alone for the whole delay will not be completed.
      this.#cut(stream, () => stream.cut(stream.length === 1));
    }
  }
}

/** The kind of a chat record; `undefined` for a record of the log, and for an unknown event. */
function chatKindOf(record: LogRecord, routed: RoutedRecord | undefined): EntryKind | undefined {
  const known = routed === undefined ? undefined : (routed.detail?.logType ?? 'chat');
  const logType = wholeAttribute(record, ATTRIBUTE.logType, record.attributes[ATTRIBUTE.logType], known);
  if (logType === 'log' || (logType !== 'chat' && (record.severityNumber ?? 0) !== 0)) return undefined;
  const { eventName } = record;
  if (eventName === undefined) return kindOf(routed?.detail);
  // An unknown event is not merged, since its name would be lost.
  const kind = kindOfEventName(eventName);
  return kind === 'text' ? undefined : kind;
}
