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

/** Where a tap writes. */
export interface ChunkWriter {
  /** @param isFailure It says why an answer failed, which is an ERROR to whoever looks at severities. */
  write(message: string, sessionId: string, options?: WriteOptions, isFailure?: boolean): void;
  /** Called before it takes no more. */
  readonly beforeClose: Set<() => void>;
}

/** What a `map` makes of a chunk. */
export interface MappedChunk {
  /** What is logged; without it nothing is. */
  readonly text?: string | undefined;
  /** Why the answer ends, with the chunk that says so: the word of AI SDK, OpenAI or LangChain for it, or another. */
  readonly finishReason?: string | undefined;
  /** What the answer took, all of it: as {@link TokenUsage}, or as AI SDK, OpenAI or LangChain have it. */
  readonly usage?: object | undefined;
}

/** How an answer ended that was read to its end. */
export interface ConsumedAnswer {
  /**
   * Of the first generation, as on the record: `stop`, `length`, `content_filter`, `tool_call`, another word of the source, `error`, or
   * `aborted`. `undefined`: the source came to its end and told no reason.
   */
  readonly finishReason: string | undefined;
  /** `undefined`: the source told none. */
  readonly usage: TokenUsage | undefined;
  /**
   * What the source threw, or told in a part of its stream (AI SDK), where the finish reason is `error`: the session has it as
   * well, as an `error` entry.
   */
  readonly error?: unknown;
}

/** What a tapped answer is made with, checked. */
export interface AnswerPlan<T> {
  readonly map: ((chunk: T) => string | MappedChunk | undefined) | undefined;
  readonly signal: AbortSignal | undefined;
  /** What stands on every entry. */
  readonly write: Pick<WriteOptions, 'attributes' | 'export' | 'read'>;
  /** Called once, when the answer is over. */
  readonly onEnd?: (end: ConsumedAnswer) => void;
}

/** A source that is told to stop has so long to come to its end; what it gives later is passed on and not logged. */
const STOP_MILLIS = 1_000;

const reporter = reporterFor('tap');

/** What is written of one source: one answer under a fresh stream id, with each mark once. */
export class TappedAnswer<T> {
  readonly #writer: ChunkWriter;
  readonly #sessionId: string;
  readonly #plan: AnswerPlan<T>;
  readonly #text: WriteOptions;
  readonly #outcome = new AnswerOutcome();
  #phase: 'new' | 'running' | 'over' = 'new';
  /** The signal was aborted before the source had told why it ends. */
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
    // What looks at a chunk is the application's, and may have ended the answer.
    if (text !== undefined && !this.#isOver()) this.#writer.write(text, this.#sessionId, this.#text);
  }

  /** The source came to its end. */
  end(): void {
    this.#noteLateAbort();
    this.#finish(this.#outcome.finishReasons);
  }

  /** The source threw. One that was told to stop did what it should. */
  fail(error: unknown): void {
    if (this.#phase !== 'running') return;
    this.#noteLateAbort();
    if (this.#isStopped || this.#plan.signal?.aborted === true || isAbortError(error)) return this.leave();
    this.#failed(error, ['error']);
  }

  /** The consumer leaves. An answer whose source has told why it ends is whole. */
  leave(): void {
    this.#finish(this.#outcome.isFinal ? this.#outcome.finishReasons : ['aborted']);
  }

  /** With what the source told, unless it was stopped. AI SDK throws nothing: it tells what went wrong in a part of the stream. */
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

  /** The signal observed: what the source does about it is the source's. */
  #stop(): void {
    // What it had said of its end before stands.
    if (!this.#outcome.isFinal) this.#isStopped = true;
    this.#timer ??= startTimer(this.#leaveNow, STOP_MILLIS).unref();
    this.#writer.beforeClose.add(this.#leaveNow);
  }

  readonly #leaveNow = (): void => this.leave();

  /** A signal of the application's own making may tell nobody. */
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
    // Before the application's as well: the SDK keeps as many as its limit says, from the first on.
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
      if (catchRejection(mapped, () => {})) throw new TypeError('map must answer at once, not with a promise');
      return isMapped(mapped) ? this.#textIn(mapped) : bodyToText(mapped);
    } catch (error) {
      reporter.limited('map', 'the map of a tap failed; its chunk is not logged', error);
      return undefined;
    }
  }

  #textIn(mapped: MappedChunk): string | undefined {
    const { text, finishReason, usage } = mapped;
    this.#look(() => this.#outcome.tell(finishReason, usage));
    if (catchRejection(text, () => {})) throw new TypeError('map must answer at once, not with a promise');
    return text === undefined ? undefined : bodyToText(text);
  }

  #look(look: () => void): void {
    try {
      look();
    } catch (error) {
      // A getter of the source's.
      reporter.limited('chunk', 'a chunk of a tap could not be looked at; what it says of the end is not known', error);
    }
  }
}

function isMapped(value: unknown): value is MappedChunk {
  return (
    typeof value === 'object' && value !== null && ('text' in value || 'finishReason' in value || 'usage' in value)
  );
}

/** By its name, as libraries make their own: `DOMException`, Node's, those of other realms. */
function isAbortError(error: unknown): boolean {
  try {
    return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
  } catch {
    // A getter of the application's; what cannot be read is an error like any other.
    return false;
  }
}
