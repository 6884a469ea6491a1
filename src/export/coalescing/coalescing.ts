import * as z from 'zod';

import { wholeAttribute } from '../../otel/attribute-limits.ts';
import { addParts, isEraser } from '../../entry/erasure.ts';
import type { ErasedPart, SessionEraser } from '../../entry/erasure.ts';
import { unclaimedErasers } from '../../entry/unclaimed-erasers.ts';
import { noteRoutedRecord, routedRecordOf } from '../../entry/routed-record.ts';
import type { DeliveryReport, DeliverySource, RoutedRecord, SessionDelivery } from '../../entry/routed-record.ts';
import { isSessionId } from '../../entry/session-id.ts';
import type { Context, EnabledOptions, LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import {
  lazily,
  millisOrNever,
  objectWith,
  parseOptions,
  positiveInteger,
  timeoutOption,
} from '../../support/options.ts';
import { catchRejection, reporterFor } from '../../support/reporter.ts';
import { EndOfTickWrite } from '../../support/end-of-tick-write.ts';
import { tellInner } from '../../otel/inner-part.ts';
import { ChunkMerger } from './chunk-merger.ts';
import type { Finished, Placement } from './coalesced-answer.ts';
import { FlushQueue } from '../flush-queue.ts';

const MAX_ANSWERS = 10_000;
const MAX_HELD_CHARS = 32 * 1024 * 1024;

/** Options for merging text chunks. */
export interface CoalescingOptions {
  /** The most UTF-16 units in the body of one merged record. @default 1_000_000 */
  readonly maxChars?: number | undefined;
  /** The longest time that a chunk is held back, in milliseconds. @default 60_000 */
  readonly maxDelayMillis?: number | undefined;
  /** `'omit'` passes on counts and times, but not the text. @default 'keep' */
  readonly content?: 'keep' | 'omit' | undefined;
}

/** Options of {@link CoalescingLogRecordProcessor}. */
export interface CoalescingLogRecordProcessorOptions extends CoalescingOptions {
  /**
   * Gets the merged records and all records that are not merged. The coalescing processor flushes it and shuts it down.
   */
  readonly processor: LogRecordProcessor;
}

/** Counters of a coalescing processor. */
export interface CoalescingStats {
  /** Number of open answers. */
  readonly answers: number;
  /** Number of UTF-16 units held back. */
  readonly heldChars: number;
  readonly lost: Readonly<Record<string, number>>;
}

const optionsSchema = lazily(() =>
  z.strictObject({
    processor: objectWith<LogRecordProcessor>('a log record processor', 'onEmit', 'forceFlush', 'shutdown'),
    maxChars: positiveInteger().optional(),
    maxDelayMillis: millisOrNever().optional(),
    content: z.enum(['keep', 'omit'], "'keep' or 'omit'").optional(),
  }),
);

/**
 * Merges the text chunks of an answer (session and stream id) into one record for an inner processor, so that an answer
 * of 500 tokens is one record at the collector. Readers of the session still get each chunk at once.
 *
 * Register it after the session processor. The joined bodies of the merged records equal the joined chunks exactly;
 * they are cut only between code points. Text before, inside and after reasoning or a tool call stays separate; the
 * marks between them, and everything that is not chat text, are passed on unchanged. `stream-start` and `stream-end`
 * become part of the merged record, which has their attributes (finish reasons, token usage) and
 * `session_logs.chunk_count`, `gen_ai.request.stream` and `gen_ai.response.time_to_first_chunk`. Its time is that of
 * the first chunk, its observed time that of the last. Chunks outside any answer are merged by session too.
 *
 * A merged record is passed on when its answer ends or is interrupted (finish reason `error`, `aborted` or
 * `abandoned`), before a mark, at `maxChars`, after `maxDelayMillis`, at `forceFlush`, `flushSession` and `shutdown`,
 * and when the process exits. The first half of a surrogate pair is kept for the next record, unless the text ends
 * there. A SIGKILL loses the held text, at most that of the last `maxDelayMillis`, because a disk spool behind this
 * processor does not have it yet.
 *
 * Limits: 10,000 answers, and 32 Mi UTF-16 units over all of them (or `maxChars`, if that is more). When a limit is
 * reached, the oldest answer is passed on early; nothing is dropped.
 *
 * @example
 * ```ts
 * new NodeSDK({
 *   logRecordProcessors: [
 *     sessions.processor,
 *     new CoalescingLogRecordProcessor({ processor: new BatchLogRecordProcessor({ exporter }) }),
 *   ],
 * });
 * ```
 */
export class CoalescingLogRecordProcessor implements LogRecordProcessor, SessionDelivery, SessionEraser {
  readonly #inner: LogRecordProcessor;
  readonly #merger: ChunkMerger;
  readonly #flushes: FlushQueue;
  readonly #exit: EndOfTickWrite;
  readonly #lost = new LossCounters();
  readonly #reporter = reporterFor('coalescing');
  /** One object for all records, because this runs once per token. */
  readonly #placement: Placement = { sessionId: '', context: undefined, routed: undefined };
  /** The processor behind this one, once it is known to answer `flushSession`. */
  #delivery: SessionDelivery | undefined;
  #attachedTo: DeliverySource | undefined;
  #erasesFor: DeliverySource | undefined;
  /** What the processor behind this one gets instead of the session processor. */
  readonly #source: DeliverySource = {
    attachDelivery: (delivery) => {
      this.#delivery = delivery;
    },
    attachEraser: (eraser) => this.#answerFor(eraser),
  };
  /** The processors behind this one that hold text of sessions. */
  readonly #erasers = new Set<SessionEraser>();
  #isExiting = false;
  #isClosed = false;

  /** @throws TypeError that names the wrong option and the value received. */
  constructor(options: CoalescingLogRecordProcessorOptions) {
    const parsed = parseOptions('CoalescingLogRecordProcessor', optionsSchema, options);
    const maxChars = parsed.maxChars ?? 1_000_000;
    this.#inner = parsed.processor;
    this.#merger = new ChunkMerger(
      {
        maxChars,
        maxDelayMillis: parsed.maxDelayMillis ?? 60_000,
        content: parsed.content ?? 'keep',
        maxAnswers: MAX_ANSWERS,
        maxHeldChars: Math.max(MAX_HELD_CHARS, maxChars),
      },
      (finished) => this.#pass(finished),
    );
    tellInner(this, this.#inner);
    this.#flushes = new FlushQueue('CoalescingLogRecordProcessor', this.#inner);
    if (isDelivery(this.#inner)) this.#delivery = this.#inner;
    if (isEraser(this.#inner)) this.#answerFor(this.#inner);
    unclaimedErasers.add(this);
    this.#exit = new EndOfTickWrite(() => this.#atExit());
  }

  /** Takes a record: merges it, or passes it on after what it holds of the session. Synchronous; never throws. */
  onEmit(record: LogRecord, context?: Context): void {
    if (this.#isClosed) {
      this.#lost.add('after_shutdown');
      return;
    }
    let routed: RoutedRecord | undefined;
    let isTaken = false;
    try {
      routed = routedRecordOf(record);
      this.#attach(routed?.source);
      isTaken = this.#takes(record, context, routed);
    } catch (error) {
      this.#reporter.limited('take', 'a record could not be read and is passed on as it is', error);
    }
    if (!isTaken) this.#forward(record, context, routed);
    else if (this.#isExiting) this.#merger.flush(true);
  }

  /** Returns what the inner processor answers; `false` after shutdown. */
  enabled(options: EnabledOptions): boolean {
    if (this.#isClosed) return false;
    try {
      return this.#inner.enabled?.(options) ?? true;
    } catch (error) {
      this.#reporter.limited('inner', 'the inner processor threw in enabled', error);
      return true;
    }
  }

  /**
   * Passes on what is held and flushes the inner processor. Each caller waits for the whole flush.
   *
   * @throws SessionLogsError `flush_timeout` if that takes longer than `timeoutMillis` (default 30,000); otherwise the
   * error of the inner processor.
   */
  async forceFlush(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('forceFlush', options);
    this.#merger.flush(false);
    return this.#flushes.forceFlush(timeoutMillis);
  }

  /**
   * Passes on what is held of one session, and calls `flushSession` of the durable processor behind this one.
   *
   * @throws SessionLogsError `no_durable_exporter` if there is none.
   */
  async flushSession(sessionId: string, options?: { readonly timeoutMillis?: number }): Promise<DeliveryReport> {
    this.#merger.flush(false, sessionId);
    if (this.#delivery === undefined) {
      throw new SessionLogsError(
        'no_durable_exporter',
        'flushSession needs a DurableLogRecordProcessor as the `processor` of CoalescingLogRecordProcessor',
      );
    }
    return this.#delivery.flushSession(sessionId, options);
  }

  checkErasable(sessionId: string): void {
    for (const eraser of this.#erasers) eraser.checkErasable?.(sessionId);
  }

  /** Drops what is held of the session, and has the processors behind this one erase it. */
  async eraseSession(sessionId: string): Promise<ErasedPart> {
    this.#merger.forget((id) => id === sessionId);
    return addParts(await Promise.all([...this.#erasers].map((eraser) => eraser.eraseSession(sessionId))));
  }

  #answerFor(eraser: SessionEraser): void {
    unclaimedErasers.delete(eraser);
    this.#erasers.add(eraser);
    eraser.attachHolder?.(this.#merger);
  }

  /**
   * Passes on everything and shuts the inner processor down. Later records are counted and dropped. Idempotent.
   *
   * @throws SessionLogsError `shutdown_timeout` if that takes longer than `timeoutMillis` (default 10,000); otherwise
   * the error of the inner processor.
   */
  shutdown(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('shutdown', options);
    unclaimedErasers.delete(this);
    if (!this.#isClosed) {
      this.#merger.close();
      this.#isClosed = true;
      this.#exit.close();
    }
    return this.#flushes.shutdown(timeoutMillis);
  }

  stats(): CoalescingStats {
    return { answers: this.#merger.answerCount, heldChars: this.#merger.heldChars, lost: this.#lost.toJSON() };
  }

  #takes(record: LogRecord, context: Context | undefined, routed: RoutedRecord | undefined): boolean {
    const sessionId = wholeAttribute(
      record,
      ATTRIBUTE.sessionId,
      record.attributes[ATTRIBUTE.sessionId],
      routed?.sessionId,
    );
    if (!isSessionId(sessionId)) return false;
    const placement = this.#placement;
    placement.sessionId = sessionId;
    placement.context = context;
    placement.routed = routed;
    return this.#merger.take(record, routed?.sessionId ?? sessionId, placement);
  }

  #pass({ record, context, routed }: Finished): void {
    if (routed !== undefined) noteRoutedRecord(record, this.#behind(routed));
    this.#hand(record as unknown as LogRecord, context);
    record.makeReadonly();
    this.#attach(routed?.source);
  }

  #forward(record: LogRecord, context: Context | undefined, routed: RoutedRecord | undefined): void {
    if (routed === undefined) {
      this.#hand(record, context);
      return;
    }
    noteRoutedRecord(record, this.#behind(routed));
    this.#hand(record, context);
    // Restore the record, because other processors of the provider get it too.
    noteRoutedRecord(record, routed);
    this.#attach(routed.source);
  }

  /**
   * The facts for the processor behind: a durable one attaches itself to this processor, so that a session flush comes
   * through here.
   */
  #behind(routed: RoutedRecord): RoutedRecord {
    return { ...routed, source: routed.source === undefined ? undefined : this.#source };
  }

  /** Attaches this processor to the session processor; for `flushSession`, once a durable one is known behind it. */
  #attach(source: DeliverySource | undefined): void {
    if (source === undefined) return;
    if (source !== this.#erasesFor) {
      this.#erasesFor = source;
      source.attachEraser?.(this);
    }
    if (this.#delivery === undefined || source === this.#attachedTo) return;
    this.#attachedTo = source;
    source.attachDelivery(this);
  }

  /** Never throws: an error of the inner processor must reach neither the program that logs nor the next processor. */
  #hand(record: LogRecord, context: Context | undefined): void {
    try {
      catchRejection(this.#inner.onEmit(record, context), this.#onInnerFailure);
    } catch (error) {
      this.#onInnerFailure(error);
    }
  }

  readonly #onInnerFailure = (error: unknown): void => {
    this.#lost.add('export_failed');
    this.#reporter.limited('inner', 'the inner processor failed in onEmit', error);
  };

  #atExit(): void {
    if (this.#isClosed) return;
    this.#isExiting = true;
    this.#merger.flush(true);
  }
}

function isDelivery(processor: object): processor is SessionDelivery {
  return 'flushSession' in processor && typeof processor.flushSession === 'function';
}
