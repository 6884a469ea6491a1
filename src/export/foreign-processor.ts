import type { Context, EnabledOptions, LogRecord, LogRecordProcessor } from '../otel/log-record.ts';
import { messageOf, SessionLogsError } from '../support/errors.ts';
import { addUp, LossCounters } from '../support/loss-counters.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { tellInner } from '../otel/inner-part.ts';
import { FlushQueue } from './flush-queue.ts';

const reporter = reporterFor('destination');

/**
 * Wraps any processor, which may throw, reject, hang or return anything. None of that reaches the program that logs or
 * another destination; each record that it fails on is counted.
 *
 * Flushes and shutdown run one after the other, with a time limit: the SDK's batch processor loses records when it is
 * shut down during a flush.
 */
export class ForeignLogRecordProcessor implements LogRecordProcessor {
  readonly #title: string;
  readonly #inner: LogRecordProcessor;
  readonly #flushes: FlushQueue;
  readonly #lost = new LossCounters();
  #isHandling = false;
  #closing: Promise<void> | undefined;

  /** @param title Its name in messages. */
  constructor(title: string, inner: LogRecordProcessor) {
    this.#title = title;
    this.#inner = inner;
    tellInner(this, this.#inner);
    this.#flushes = new FlushQueue(title, inner);
  }

  /**
   * Passes a record on, unless the processor is handling another one: a processor that logs what it does would never
   * finish.
   */
  onEmit(record: LogRecord, context?: Context): void {
    if (this.#closing !== undefined) return this.#lost.add('after_shutdown');
    if (this.#isHandling) {
      this.#lost.add('destination_logged');
      reporter.limited(
        `logged ${this.#title}`,
        `${this.#title} logs while it handles a record; it does not get what it logs`,
      );
      return;
    }
    this.#isHandling = true;
    try {
      const answer: unknown = this.#inner.onEmit(record, context);
      // An `async onEmit()` rejects where another one throws.
      if (answer !== undefined) catchRejection(answer, this.#onFailure);
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#isHandling = false;
    }
  }

  readonly #onFailure = (error: unknown): void => {
    this.#lost.add('destination_failed');
    reporter.limited(`failed ${this.#title}`, `${this.#title} failed on a record`, error);
  };

  /** Returns what the processor answers; `false` after shutdown. */
  enabled(options: EnabledOptions): boolean {
    if (this.#closing !== undefined) return false;
    try {
      return this.#inner.enabled?.(options) ?? true;
    } catch (error) {
      reporter.limited(`enabled ${this.#title}`, `${this.#title} threw in enabled`, error);
      return true;
    }
  }

  /**
   * Resolves when a flush of the processor that began after this call has ended.
   *
   * @throws SessionLogsError `flush_timeout` after `timeoutMillis` (default 30,000), `flush_failed` with the
   * processor's error as the `cause`, or the error of a processor of this package.
   */
  forceFlush(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    return this.#named('forceFlush', this.#flushes.forceFlush(options.timeoutMillis));
  }

  /**
   * Shuts the processor down. Later records are counted and not passed on. Idempotent.
   *
   * @throws SessionLogsError `shutdown_timeout` after `timeoutMillis` (default 10,000), otherwise like `forceFlush`.
   */
  shutdown(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#named('shutdown', this.#flushes.shutdown(options.timeoutMillis)));
  }

  /** Records that it did not get or failed on, plus its own counters if it has those of a processor of this package. */
  lost(): Record<string, number> {
    return addUp(this.#lost.toJSON(), this.#lostByItself());
  }

  #lostByItself(): Record<string, number> {
    try {
      const { stats } = this.#inner as { readonly stats?: unknown };
      const counters: unknown = typeof stats === 'function' ? stats.call(this.#inner) : undefined;
      if (catchRejection(counters, () => {})) return {};
      const { lost } = (counters ?? {}) as { readonly lost?: unknown };
      if (typeof lost !== 'object' || lost === null) return {};
      return Object.fromEntries(Object.entries(lost).filter(isCount));
    } catch (error) {
      reporter.limited(`stats ${this.#title}`, `the counters of ${this.#title} could not be read`, error);
      return {};
    }
  }

  /** The error says which of several destinations failed. */
  async #named(what: string, ended: Promise<void>): Promise<void> {
    try {
      await ended;
    } catch (error) {
      const said = messageOf(error);
      const message = said.startsWith(this.#title) ? said : `${this.#title}: ${what} failed: ${said}`;
      if (!(error instanceof SessionLogsError)) throw new SessionLogsError('flush_failed', message, { cause: error });
      const { code, pending } = error;
      throw new SessionLogsError(code, message, { cause: error, ...(pending === undefined ? undefined : { pending }) });
    }
  }
}

function isCount(field: readonly [string, unknown]): field is [string, number] {
  return Number.isSafeInteger(field[1]);
}
