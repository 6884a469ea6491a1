import { wholeAttribute } from '../../otel/attribute-limits.ts';
import type { OpenAnswer } from '../../entry/answer-state.ts';
import type { RoutedRecord } from '../../entry/routed-record.ts';
import type { Context, HrTime, LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE, OWN_PREFIX } from '../../otel/names.ts';
import { ownText } from '../../support/own-text.ts';
import { ChunkText, codePointCut, endsInHalf } from './chunk-text.ts';
import { MergedLogRecord } from './merged-record.ts';

/** What is known of a record beside itself. Streams copy the fields: the caller may use one object for every record. */
export interface Placement {
  /** As exporters get it: a processor may have changed it on its way here. */
  sessionId: string;
  context: Context | undefined;
  /** What the session processor knows of it. */
  routed: RoutedRecord | undefined;
}

/** A merged record that is ready to be passed on, with the context of its first record and the entry of its last. */
export interface Finished extends Readonly<Placement> {
  readonly record: MergedLogRecord;
}

/** The record under way. */
interface Piece extends Placement {
  readonly record: MergedLogRecord;
  readonly text: ChunkText;
  chunkCount: number;
  /** Observed time of the last chunk: two small integers, where an array a chunk would keep the garbage collector busy. */
  observedSeconds: number;
  observedNanos: number;
}

/**
 * The text of one stream on its way to becoming one record: a session, and where streams run side by side a stream id.
 *
 * It holds at most one record under way; the caller decides when it is cut.
 */
export class CoalescedStream {
  readonly sessionId: string;
  readonly streamId: string | undefined;
  /** How the answer stands that this is the text of; 0 when no `stream-start` was seen. */
  open: OpenAnswer = 0;
  /** When the record under way got its first chunk, on the monotonic clock; orders the streams for the timer. */
  heldSince = 0;

  #piece: Piece | undefined;
  #startTime: HrTime | undefined;
  #secondsToFirstChunk: number | undefined;
  #hasEmitted = false;
  #toldReasons: string | undefined;

  readonly #content: 'keep' | 'omit';

  constructor(sessionId: string, streamId: string | undefined, content: 'keep' | 'omit') {
    this.sessionId = ownText(sessionId);
    this.streamId = streamId === undefined ? undefined : ownText(streamId);
    this.#content = content;
  }

  /** A `stream-start` was seen. */
  get isOpen(): boolean {
    return this.open !== 0;
  }

  /** UTF-16 units held. */
  get length(): number {
    return this.#piece?.text.length ?? 0;
  }

  get hasContent(): boolean {
    return this.#piece !== undefined && (this.#piece.chunkCount > 0 || this.#piece.text.length > 0);
  }

  /** Takes up the `stream-start`: its attributes go on the first record. */
  start(record: LogRecord, placement: Placement): void {
    if (!this.isOpen) this.#startTime = record.hrTime;
    this.open = 1;
    this.#take(record, placement);
  }

  /** Whether the chunk may go into the record under way. */
  accepts(record: LogRecord, placement: Placement): boolean {
    return !this.hasContent || isAlike(this.#piece as Piece, record, placement);
  }

  /** Adds one chunk. One that is longer than `maxChars` is to be cut at once, and is not copied for that. */
  add(record: LogRecord, text: string, placement: Placement, maxChars: number): void {
    if (!this.hasContent) this.#beginWith(record, placement);
    this.#append(this.#take(record, placement), record, text, maxChars);
  }

  /**
   * Adds one more chunk to a record under way that takes it: the way of nearly every chunk, in one step.
   *
   * `false`: nothing was done.
   */
  addMore(record: LogRecord, text: string, placement: Placement, maxChars: number): boolean {
    const piece = this.#piece;
    if (piece === undefined || piece.chunkCount === 0 || piece.text.length + text.length > maxChars) return false;
    if (!isAlike(piece, record, placement)) return false;
    piece.record.takeAttributes(record);
    piece.routed = keptRouted(placement.routed, piece);
    this.#append(piece, record, text, maxChars);
    return true;
  }

  #append(piece: Piece, record: LogRecord, text: string, maxChars: number): void {
    const observed = record.hrTimeObserved;
    piece.observedSeconds = observed[0];
    piece.observedNanos = observed[1];
    piece.chunkCount += 1;
    if (this.#content === 'keep') piece.text.add(staying(text, maxChars));
    if (this.#hasEmitted || this.#startTime === undefined || this.#secondsToFirstChunk !== undefined) return;
    this.#secondsToFirstChunk = secondsBetween(this.#startTime, record.hrTime);
  }

  /** The first record of the text gives time, context and scope; a `stream-start` before it gave attributes only. */
  #beginWith(record: LogRecord, placement: Placement): void {
    const begun = new MergedLogRecord(record);
    if (this.#piece !== undefined) begun.takeAttributes(this.#piece.record);
    this.#piece = newPiece(begun, placement);
  }

  #take(record: LogRecord, placement: Placement): Piece {
    this.#piece ??= newPiece(new MergedLogRecord(record), placement);
    const piece = this.#piece;
    piece.record.takeAttributes(record);
    piece.routed = keptRouted(placement.routed, piece);
    return piece;
  }

  /** Cuts a full record off while more than `maxChars` are held, between code points. */
  cutFull(maxChars: number): Finished | undefined {
    const piece = this.#piece;
    if (piece === undefined || piece.text.length <= maxChars) return undefined;
    const text = piece.text.take();
    const cut = codePointCut(text, maxChars);
    return this.#cut(piece, text.slice(0, cut), staying(text.slice(cut), maxChars));
  }

  /**
   * The record under way as it stands. The first half of a surrogate pair stays for the next record, unless the text
   * is known to end here.
   */
  cut(isTextOver: boolean): Finished | undefined {
    const piece = this.#piece;
    if (piece === undefined || !this.hasContent) return undefined;
    const text = piece.text.take();
    if (isTextOver || !endsInHalf(text)) return this.#cut(piece, text, '');
    if (text.length > 1 || piece.chunkCount > 1) return this.#cut(piece, text.slice(0, -1), text.slice(-1));
    piece.text.add(text);
    return undefined;
  }

  /** The stream broke off: what is held goes out with that reason, which is not repeated at the stream's end. */
  breakOff(reason: string): Finished | undefined {
    if (!this.hasContent || this.#piece === undefined) return undefined;
    const reasons = [reason];
    this.#piece.record.stamp(ATTRIBUTE.finishReasons, reasons);
    this.#toldReasons = JSON.stringify(reasons);
    return this.cut(true);
  }

  /**
   * The last record of the stream: what is held, with what the `stream-end` says. Nothing held gives a record only when
   * there is something to tell: attributes of the end, a reason not told yet, or that a stream had no text at all.
   */
  finish(end: LogRecord | undefined, placement: Placement | undefined, reason?: string): Finished | undefined {
    const isTold = this.#toldReasons !== undefined;
    const told = finishReasons(end, placement);
    const hasNews = (reason !== undefined && !isTold) || (end !== undefined && this.#hasNews(end, told));
    if (end !== undefined && placement !== undefined) {
      const piece = this.#take(end, placement);
      if (!this.hasContent) [piece.observedSeconds, piece.observedNanos] = end.hrTimeObserved;
    }
    const piece = this.#piece;
    if (piece === undefined) return undefined;
    const reasons = reason === undefined ? told : [reason];
    if (reasons !== undefined) piece.record.stamp(ATTRIBUTE.finishReasons, reasons);
    const isSilentStream = this.isOpen && !this.#hasEmitted;
    if (!this.hasContent && !hasNews && !isSilentStream) return undefined;
    return this.#cut(piece, piece.text.take(), '');
  }

  #hasNews(end: LogRecord, reasons: unknown): boolean {
    if (reasons !== undefined && JSON.stringify(reasons) !== this.#toldReasons) return true;
    return Object.keys(end.attributes).some(
      (key) => key !== ATTRIBUTE.sessionId && key !== ATTRIBUTE.finishReasons && !key.startsWith(OWN_PREFIX),
    );
  }

  #cut(piece: Piece, text: string, rest: string): Finished {
    const { record } = piece;
    this.#piece = undefined;
    record.hrTimeObserved = [piece.observedSeconds, piece.observedNanos];
    if (rest !== '') this.#goOnWith(piece, rest);
    if (this.#content === 'keep') record.body = text;
    record.stamp(ATTRIBUTE.sessionId, piece.sessionId);
    if (this.streamId !== undefined) record.stamp(ATTRIBUTE.streamId, this.streamId);
    record.stamp(ATTRIBUTE.chunkCount, piece.chunkCount);
    if (this.isOpen || this.streamId !== undefined) record.stamp(ATTRIBUTE.requestStream, true);
    if (this.#secondsToFirstChunk !== undefined && !this.#hasEmitted) {
      record.stamp(ATTRIBUTE.timeToFirstChunk, this.#secondsToFirstChunk);
    }
    this.#hasEmitted = true;
    const { sessionId, context, routed } = piece;
    return { record, sessionId, context, routed };
  }

  /** What is cut off belongs to the last chunk, which was counted where it began. */
  #goOnWith(piece: Piece, rest: string): void {
    const record = new MergedLogRecord(piece.record as unknown as LogRecord);
    record.hrTime = piece.record.hrTimeObserved;
    record.takeAttributes({ attributes: piece.record.attributes, droppedAttributesCount: 0 });
    this.#piece = newPiece(record, piece);
    this.#piece.text.add(rest);
  }
}

/** The finish reasons that the end of a stream tells. */
function finishReasons(end: LogRecord | undefined, placement: Placement | undefined): unknown {
  const known = placement?.routed?.detail?.attributes?.[ATTRIBUTE.finishReasons];
  return end === undefined
    ? known
    : wholeAttribute(end, ATTRIBUTE.finishReasons, end.attributes[ATTRIBUTE.finishReasons], known);
}

/** A merged record stands for records of one resource, scope, severity and session. */
function isAlike({ record: merged, sessionId }: Piece, record: LogRecord, placement: Placement): boolean {
  return (
    sessionId === placement.sessionId &&
    merged.instrumentationScope === record.instrumentationScope &&
    merged.resource === record.resource &&
    merged.severityNumber === record.severityNumber &&
    merged.severityText === record.severityText
  );
}

/** The text as it is held. One that goes on being cut is left as it is: a copy for each cut would cost the square. */
function staying(text: string, maxChars: number): string {
  return text.length > maxChars ? text : ownText(text);
}

/** What a processor behind asks for. What the record itself was routed with would keep its attributes, and whatever its session id was cut out of. */
function keptRouted(
  routed: RoutedRecord | undefined,
  piece: { readonly sessionId: string; readonly routed: RoutedRecord | undefined },
): RoutedRecord | undefined {
  if (routed === undefined) return undefined;
  const { entryId, order, source } = routed;
  const own = piece.routed?.sessionId ?? piece.sessionId;
  const sessionId = own === routed.sessionId ? own : ownText(routed.sessionId);
  return { sessionId, detail: undefined, entryId, order, source };
}

function newPiece(record: MergedLogRecord, placement: Placement): Piece {
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
