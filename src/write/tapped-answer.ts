import { randomUUID } from 'node:crypto';

import { bodyToText, cutText } from '../entry/body.ts';
import { MAX_ERROR_TEXT } from '../entry/special-values.ts';
import { tokenOf } from '../entry/tokens.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import { watchAbort } from '../support/abort-watch.ts';
import { isError, messageOf } from '../support/errors.ts';
import { ownText } from '../support/own-text.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { startTimer } from '../support/timers.ts';
import { AnswerOutcome } from './answer-outcome.ts';
import { usageAttributes } from './token-usage.ts';
import type { TokenUsage } from './token-usage.ts';
import type { WriteOptions } from './write-options.ts';

/** The writer of a tap. */
export interface ChunkWriter {
  /** @param isFailure Whether the entry says why an answer failed: then it gets the severity ERROR. */
  write(message: string, sessionId: string, options?: WriteOptions, isFailure?: boolean): void;
  /** Called before the writer closes. */
  readonly beforeClose: Set<() => void>;
}

/** What a `map` may return for a chunk. */
export interface MappedChunk {
  /** The text to log; without it nothing is logged. */
  readonly text?: string | undefined;
  /** Why the answer ends, for the chunk that says so: the word of AI SDK, OpenAI or LangChain, or any other. */
  readonly finishReason?: string | undefined;
  /** Token usage of the whole answer: a {@link TokenUsage}, or the form of AI SDK, OpenAI or LangChain. */
  readonly usage?: object | undefined;
}

/** How a consumed answer ended. */
export interface ConsumedAnswer {
  /**
   * The finish reason of the first generation, as on the record: `stop`, `length`, `content_filter`, `tool_call`,
   * `error`, `aborted`, or another word of the source. `undefined` if the source ended without giving one.
   */
  readonly finishReason: string | undefined;
  /** Token usage of the answer; `undefined` if the source gave none. */
  readonly usage: TokenUsage | undefined;
  /**
   * If the finish reason is `error`: what the source threw, or told in a part of its stream (AI SDK). The session has
   * it as an `error` entry too.
   */
  readonly error?: unknown;
}

/** The validated settings of a tapped answer. */
export interface AnswerPlan<T> {
  readonly map: ((chunk: T) => string | MappedChunk | undefined) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Options of every entry. */
  readonly write: Pick<WriteOptions, 'attributes' | 'export' | 'read'>;
  /** Called once, when the answer is over. */
  readonly onEnd?: (end: ConsumedAnswer) => void;
}

/** How long a stopped source may go on: chunks that come later are passed on but not logged. */
const STOP_MILLIS = 1_000;

const reporter = reporterFor('tap');

/** Writes one source as one answer under a fresh stream id, with each mark once. */
export class TappedAnswer<T> {
  readonly #writer: ChunkWriter;
  readonly #sessionId: string;
  readonly #plan: AnswerPlan<T>;
  readonly #text: WriteOptions;
  readonly #outcome = new AnswerOutcome();
  #phase: 'new' | 'running' | 'over' = 'new';
  /** The signal was aborted before the source gave a finish reason. */
  #isStopped = false;
  #stopWatching: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(writer: ChunkWriter, sessionId: string, plan: AnswerPlan<T>) {
    this.#writer = writer;
    this.#sessionId = ownText(sessionId);
    this.#plan = plan;
    this.#text = Object.freeze({ ...plan.write, kind: 'text', streamId: randomUUID() });
  }

  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'running';
    const { signal } = this.#plan;
    if (signal?.aborted === true) this.#stop();
    else if (signal !== undefined) this.#stopWatching = watchAbort(signal, () => this.#stop());
    this.#mark('stream-start', this.#text.attributes);
  }

  chunk(value: T): void {
    if (this.#phase !== 'running') return;
    const text = this.#textOf(value);
    // The application's code looked at the chunk, and may have ended the answer.
    if (text !== undefined && !this.#isOver()) this.#writer.write(text, this.#sessionId, this.#text);
  }

  /** The source came to its end. */
  end(): void {
    this.#noteLateAbort();
    this.#finish(this.#outcome.finishReasons);
  }

  /** The source threw. After an abort that is expected. */
  fail(error: unknown): void {
    if (this.#phase !== 'running') return;
    this.#noteLateAbort();
    if (this.#isStopped || this.#plan.signal?.aborted === true || isAbortError(error)) return this.leave();
    this.#failed(error, ['error']);
  }

  /** The consumer leaves. If the source has given a finish reason, the answer is complete. */
  leave(): void {
    this.#finish(this.#outcome.isFinal ? this.#outcome.finishReasons : ['aborted']);
  }

  /**
   * Ends the answer with what the source told, unless it was stopped. AI SDK does not throw: it tells a failure in a
   * part of the stream.
   */
  #finish(told: readonly string[] | undefined): void {
    const { failure } = this.#outcome;
    if (this.#isStopped || isAbortError(failure?.error)) this.#over(['aborted']);
    else if (failure !== undefined && told !== undefined && this.#phase === 'running')
      this.#failed(failure.error, told);
    else this.#over(told);
  }

  #failed(error: unknown, finishReasons: readonly string[]): void {
    const message = cutText(isError(error) ? messageOf(error) : bodyToText(error), MAX_ERROR_TEXT);
    const options: WriteOptions = { ...this.#text, kind: 'error', exception: error ?? 'unknown' };
    this.#writer.write(message, this.#sessionId, options, true);
    this.#over(finishReasons, { error });
  }

  /** The signal was aborted. The tap only notes that; stopping is up to the source. */
  #stop(): void {
    // A finish reason that came before stays valid.
    if (!this.#outcome.isFinal) this.#isStopped = true;
    this.#timer ??= startTimer(this.#leaveNow, STOP_MILLIS).unref();
    this.#writer.beforeClose.add(this.#leaveNow);
  }

  readonly #leaveNow = (): void => this.leave();

  /** The application's own kind of signal may not dispatch events. */
  #noteLateAbort(): void {
    if (this.#plan.signal?.aborted === true && !this.#outcome.isFinal) this.#isStopped = true;
  }

  #over(finishReasons: readonly string[] | undefined, failure?: { readonly error: unknown }): void {
    const isRunning = this.#phase === 'running';
    this.#phase = 'over';
    if (!isRunning) return;
    this.#stopWatching?.();
    clearTimeout(this.#timer);
    this.#writer.beforeClose.delete(this.#leaveNow);
    const { usage } = this.#outcome;
    const told = finishReasons === undefined ? undefined : { [ATTRIBUTE.finishReasons]: finishReasons };
    const ours = { ...usageAttributes(usage), ...told };
    // Also before the application's attributes: the SDK keeps only the first ones, up to its limit.
    this.#mark('stream-end', { ...ours, ...this.#text.attributes, ...ours });
    this.#plan.onEnd?.({ finishReason: finishReasons?.[0], usage, ...failure });
  }

  #isOver(): boolean {
    return this.#phase === 'over';
  }

  #mark(kind: 'stream-start' | 'stream-end', attributes: WriteOptions['attributes']): void {
    this.#writer.write(tokenOf(kind) ?? '', this.#sessionId, { ...this.#text, kind, attributes });
  }

  #textOf(value: T): string | undefined {
    if (typeof value === 'object') this.#look(() => this.#outcome.meet(value));
    const { map } = this.#plan;
    if (map === undefined) return bodyToText(value);
    try {
      const mapped: unknown = map(value);
      if (typeof mapped === 'string' || mapped === undefined) return mapped;
      if (catchRejection(mapped, () => {})) throw new TypeError('map must return its result, not a promise');
      return isMapped(mapped) ? this.#textIn(mapped) : bodyToText(mapped);
    } catch (error) {
      reporter.limited('map', 'the map of a tap failed; its chunk is not logged', error);
      return undefined;
    }
  }

  #textIn(mapped: MappedChunk): string | undefined {
    const { text, finishReason, usage } = mapped;
    this.#look(() => this.#outcome.tell(finishReason, usage));
    if (catchRejection(text, () => {})) throw new TypeError('map must return its result, not a promise');
    return text === undefined ? undefined : bodyToText(text);
  }

  #look(look: () => void): void {
    try {
      look();
    } catch (error) {
      // A getter of the source threw.
      reporter.limited(
        'chunk',
        'a chunk of a tap could not be read; what it says of the end of the answer is ignored',
        error,
      );
    }
  }
}

function isMapped(value: unknown): value is MappedChunk {
  return (
    typeof value === 'object' && value !== null && ('text' in value || 'finishReason' in value || 'usage' in value)
  );
}

/** Checks the name, because libraries have their own classes: `DOMException`, Node's, those of other realms. */
function isAbortError(error: unknown): boolean {
  try {
    return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
  } catch {
    // A getter of the application threw; treat it as any other error.
    return false;
  }
}
