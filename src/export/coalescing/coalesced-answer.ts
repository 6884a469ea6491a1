import { wholeAttribute } from '../../otel/attribute-limits.ts';
import type { OpenAnswer } from '../../entry/answer-state.ts';
import type { RoutedRecord } from '../../entry/routed-record.ts';
import type { Context, HrTime, LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE, isApplicationAttribute } from '../../otel/names.ts';
import { ownText } from '../../support/own-text.ts';
import { ChunkText, codePointCut, endsInHalf } from './chunk-text.ts';
import { MergedLogRecord } from './merged-record.ts';

/** What is known about a record. Answers copy the fields, so the caller may use one object for all records. */
export interface Placement {
  /** The session id that exporters get: a processor may have changed it. */
  sessionId: string;
  context: Context | undefined;
  /** What the session processor knows about the record. */
  routed: RoutedRecord | undefined;
}

/** A merged record that is ready to be passed on, with the context of its first record and the entry of its last one. */
export interface Finished extends Readonly<Placement> {
  readonly record: MergedLogRecord;
}

/** The current merged record, with the text that is held for it. */
interface HeldRecord extends Placement {
  readonly record: MergedLogRecord;
  readonly text: ChunkText;
  chunkCount: number;
  /**
   * Observed time of the last chunk, as two small integers, because an array for each chunk would burden the garbage
   * collector.
   */
  observedSeconds: number;
  observedNanos: number;
}

/**
 * Merges the text of one answer into records. An answer is identified by its session, and by a stream id if several run
 * at the same time.
 *
 * It holds at most one unfinished record; the caller decides when to cut it.
 */
export class CoalescedAnswer {
  readonly sessionId: string;
  readonly streamId: string | undefined;
  /** State of the answer; 0 if no `stream-start` came. */
  open: OpenAnswer = 0;
  /** When the current record got its first chunk, on the monotonic clock; orders the answers for the timer. */
  heldSince = 0;

  #held: HeldRecord | undefined;
  #startTime: HrTime | undefined;
  #secondsToFirstChunk: number | undefined;
  #hasEmitted = false;
  #toldReasons: string | undefined;
  /** Attributes of the previous record, so that unchanged ones are not reported again. */
  #told: Readonly<Record<string, unknown>> = {};

  readonly #content: 'keep' | 'omit';

  constructor(sessionId: string, streamId: string | undefined, content: 'keep' | 'omit') {
    this.sessionId = ownText(sessionId);
    this.streamId = streamId === undefined ? undefined : ownText(streamId);
    this.#content = content;
  }

  /** Whether a `stream-start` came. */
  get isOpen(): boolean {
    return this.open !== 0;
  }

  /** The number of UTF-16 units held. */
  get length(): number {
    return this.#held?.text.length ?? 0;
  }

  get hasContent(): boolean {
    return this.#held !== undefined && (this.#held.chunkCount > 0 || this.#held.text.length > 0);
  }

  /** Takes a `stream-start` and keeps its attributes for the first record. */
  start(record: LogRecord, placement: Placement): void {
    if (!this.isOpen) this.#startTime = record.hrTime;
    this.open = 1;
    this.#take(record, placement);
  }

  /** Whether the chunk may be added to the current record. */
  accepts(record: LogRecord, placement: Placement): boolean {
    return !this.hasContent || isAlike(this.#held as HeldRecord, record, placement);
  }

  /** Adds one chunk. Does not copy a chunk longer than `maxChars`, because the caller cuts it at once. */
  add(record: LogRecord, text: string, placement: Placement, maxChars: number): void {
    if (!this.hasContent) this.#beginWith(record, placement);
    this.#append(this.#take(record, placement), record, text, maxChars);
  }

  /**
   * Adds one more chunk to the current record, if that accepts it. Nearly every chunk is added here.
   *
   * Returns `false` if it did nothing.
   */
  addMore(record: LogRecord, text: string, placement: Placement, maxChars: number): boolean {
    const held = this.#held;
    if (held === undefined || held.chunkCount === 0 || held.text.length + text.length > maxChars) return false;
    if (!isAlike(held, record, placement)) return false;
    held.record.takeAttributes(record);
    held.routed = keptRouted(placement.routed, held);
    this.#append(held, record, text, maxChars);
    return true;
  }

  #append(held: HeldRecord, record: LogRecord, text: string, maxChars: number): void {
    const observed = record.hrTimeObserved;
    held.observedSeconds = observed[0];
    held.observedNanos = observed[1];
    held.chunkCount += 1;
    if (this.#content === 'keep') held.text.add(staying(text, maxChars));
    if (this.#hasEmitted || this.#startTime === undefined || this.#secondsToFirstChunk !== undefined) return;
    this.#secondsToFirstChunk = secondsBetween(this.#startTime, record.hrTime);
  }

  /**
   * Begins a merged record with the first text record, which gives it time, context and scope. A `stream-start` before
   * it gives only attributes.
   */
  #beginWith(record: LogRecord, placement: Placement): void {
    const begun = new MergedLogRecord(record);
    if (this.#held !== undefined) begun.takeAttributes(this.#held.record);
    this.#held = newHeldRecord(begun, placement);
  }

  #take(record: LogRecord, placement: Placement): HeldRecord {
    this.#held ??= newHeldRecord(new MergedLogRecord(record), placement);
    const held = this.#held;
    held.record.takeAttributes(record);
    held.routed = keptRouted(placement.routed, held);
    return held;
  }

  /** Cuts off a full record, between code points, if more than `maxChars` units are held. */
  cutFull(maxChars: number): Finished | undefined {
    const held = this.#held;
    if (held === undefined || held.text.length <= maxChars) return undefined;
    const text = held.text.take();
    const cut = codePointCut(text, maxChars);
    return this.#cut(held, text.slice(0, cut), staying(text.slice(cut), maxChars));
  }

  /**
   * Cuts the current record as it is. Keeps the first half of a surrogate pair for the next record, unless the text
   * ends here.
   */
  cut(isTextOver: boolean): Finished | undefined {
    const held = this.#held;
    if (held === undefined || !this.hasContent) return undefined;
    const text = held.text.take();
    if (isTextOver || !endsInHalf(text)) return this.#cut(held, text, '');
    if (text.length > 1 || held.chunkCount > 1) return this.#cut(held, text.slice(0, -1), text.slice(-1));
    held.text.add(text);
    return undefined;
  }

  /** Cuts an answer that was interrupted. The record gets the reason, which is not repeated at the answer's end. */
  breakOff(reason: string): Finished | undefined {
    if (!this.hasContent || this.#held === undefined) return undefined;
    const reasons = [reason];
    this.#held.record.stamp(ATTRIBUTE.finishReasons, reasons);
    this.#toldReasons = JSON.stringify(reasons);
    return this.cut(true);
  }

  /**
   * Returns the last record of the answer: what is held, with the attributes of the `stream-end`. If nothing is held,
   * there is a record only if it says something new: attributes of the end, a new reason, or that the answer had no
   * text at all.
   */
  finish(end: LogRecord | undefined, placement: Placement | undefined, reason?: string): Finished | undefined {
    const isTold = this.#toldReasons !== undefined;
    const told = finishReasons(end, placement);
    const hasNews = (reason !== undefined && !isTold) || (end !== undefined && this.#hasNews(end, told));
    if (end !== undefined && placement !== undefined) {
      const held = this.#take(end, placement);
      if (!this.hasContent) [held.observedSeconds, held.observedNanos] = end.hrTimeObserved;
    }
    const held = this.#held;
    if (held === undefined) return undefined;
    const reasons = reason === undefined ? told : [reason];
    if (reasons !== undefined) held.record.stamp(ATTRIBUTE.finishReasons, reasons);
    const isSilentStream = this.isOpen && !this.#hasEmitted;
    if (!this.hasContent && !hasNews && !isSilentStream) return undefined;
    return this.#cut(held, held.text.take(), '');
  }

  #hasNews(end: LogRecord, reasons: unknown): boolean {
    if (reasons !== undefined && JSON.stringify(reasons) !== this.#toldReasons) return true;
    return Object.entries(end.attributes).some(
      ([key, value]) =>
        key !== ATTRIBUTE.finishReasons &&
        isApplicationAttribute(key) &&
        value !== this.#told[key] &&
        JSON.stringify(value) !== JSON.stringify(this.#told[key]),
    );
  }

  #cut(held: HeldRecord, text: string, rest: string): Finished {
    const { record } = held;
    this.#held = undefined;
    record.hrTimeObserved = [held.observedSeconds, held.observedNanos];
    if (rest !== '') this.#goOnWith(held, rest);
    if (this.#content === 'keep') record.body = text;
    record.stamp(ATTRIBUTE.sessionId, held.sessionId);
    if (this.streamId !== undefined) record.stamp(ATTRIBUTE.streamId, this.streamId);
    record.stamp(ATTRIBUTE.chunkCount, held.chunkCount);
    if (this.isOpen || this.streamId !== undefined) record.stamp(ATTRIBUTE.requestStream, true);
    if (this.#secondsToFirstChunk !== undefined && !this.#hasEmitted) {
      record.stamp(ATTRIBUTE.timeToFirstChunk, this.#secondsToFirstChunk);
    }
    this.#hasEmitted = true;
    this.#told = record.attributes;
    const { sessionId, context, routed } = held;
    return { record, sessionId, context, routed };
  }

  /** Begins the next record with the rest of the last chunk, which counts in the record where it began. */
  #goOnWith(held: HeldRecord, rest: string): void {
    const record = new MergedLogRecord(held.record as unknown as LogRecord);
    record.hrTime = held.record.hrTimeObserved;
    record.takeAttributes({ attributes: held.record.attributes, droppedAttributesCount: 0 });
    this.#held = newHeldRecord(record, held);
    this.#held.text.add(rest);
  }
}

/** The finish reasons at the end of an answer. */
function finishReasons(end: LogRecord | undefined, placement: Placement | undefined): unknown {
  const known = placement?.routed?.detail?.attributes?.[ATTRIBUTE.finishReasons];
  return end === undefined
    ? known
    : wholeAttribute(end, ATTRIBUTE.finishReasons, end.attributes[ATTRIBUTE.finishReasons], known);
}

/** Whether a record may be merged with the current one: resource, scope, severity and session must be the same. */
function isAlike({ record: merged, sessionId }: HeldRecord, record: LogRecord, placement: Placement): boolean {
  return (
    sessionId === placement.sessionId &&
    merged.instrumentationScope === record.instrumentationScope &&
    merged.resource === record.resource &&
    merged.severityNumber === record.severityNumber &&
    merged.severityText === record.severityText
  );
}

/** The text to hold. A text that will be cut again is not copied: a copy for each cut would take quadratic time. */
function staying(text: string, maxChars: number): string {
  return text.length > maxChars ? text : ownText(text);
}

/**
 * The facts that a processor behind needs. The original would keep the record's attributes alive, and the text that its
 * session id is a slice of.
 */
function keptRouted(
  routed: RoutedRecord | undefined,
  held: { readonly sessionId: string; readonly routed: RoutedRecord | undefined },
): RoutedRecord | undefined {
  if (routed === undefined) return undefined;
  const { entryId, order, source } = routed;
  const own = held.routed?.sessionId ?? held.sessionId;
  const sessionId = own === routed.sessionId ? own : ownText(routed.sessionId);
  return { sessionId, detail: undefined, entryId, order, source };
}

function newHeldRecord(record: MergedLogRecord, placement: Placement): HeldRecord {
  const { context } = placement;
  const sessionId = ownText(placement.sessionId);
  const routed = keptRouted(placement.routed, { sessionId, routed: undefined });
  const [observedSeconds, observedNanos] = record.hrTimeObserved;
  const text = new ChunkText();
  return { record, text, chunkCount: 0, observedSeconds, observedNanos, sessionId, context, routed };
}

function secondsBetween(from: HrTime, to: HrTime): number {
  return Math.max(0, to[0] - from[0] + (to[1] - from[1]) / 1e9);
}
