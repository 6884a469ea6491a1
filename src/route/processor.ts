import * as z from 'zod';

import type { SessionEraser } from '../entry/erasure.ts';
import type { DeliverySource, SessionDelivery } from '../entry/routed-record.ts';
import { unclaimedErasers } from '../entry/unclaimed-erasers.ts';
import type { Context, LogRecord, LogRecordProcessor } from '../otel/log-record.ts';
import { meterProviderOption, observeProcessor, observeStore } from '../otel/metrics.ts';
import type { MeterProvider, ProcessorFigures } from '../otel/metrics.ts';
import type { SessionStore, StoreStats } from '../store/session-store.ts';
import { addUp } from '../support/loss-counters.ts';
import { functionOption, lazily, objectWith, parseOptions, timeoutOption } from '../support/options.ts';
import { reporterFor } from '../support/reporter.ts';
import type { Redact } from './redaction.ts';
import { SessionRouter } from './router.ts';
import type { SessionResolution } from './session-resolver.ts';

/** Options of the session processor: which session a record belongs to, where it is kept, what is redacted. */
export interface SessionLogRecordProcessorOptions extends SessionResolution {
  /** The store that holds the sessions. @default new MemorySessionStore() */
  readonly store?: SessionStore | undefined;
  /** Called with every record before it is stored or passed on. @default none */
  readonly redact?: Redact | undefined;
  /** Gets the metrics of the processor and the gauges of the store. @default none */
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

type Trust = NonNullable<SessionResolution['baggage']>['trust'];

/** Schemas of the options about sessions, which several calls share. */
export function sessionOptions(): {
  readonly store: z.ZodOptional<z.ZodCustom<SessionStore>>;
  readonly redact: z.ZodOptional<z.ZodCustom<Redact>>;
  readonly sessionIdKeys: z.ZodOptional<z.ZodArray<z.ZodString>>;
  readonly sessionId: z.ZodOptional<z.ZodCustom<NonNullable<SessionResolution['sessionId']>>>;
  readonly baggage: z.ZodOptional<z.ZodObject<{ trust: z.ZodCustom<Trust> }, z.core.$strict>>;
  readonly selfObsMeterProvider: ReturnType<typeof meterProviderOption>;
} {
  return {
    store: objectWith<SessionStore>('a SessionStore', 'append', 'open', 'claim', 'close').optional(),
    redact: functionOption<Redact>('a function, or what patternRedaction makes of patterns').optional(),
    sessionIdKeys: z
      .array(z.string('a list of attribute keys').min(1, 'a list of attribute keys'), 'a list of attribute keys')
      .min(1, 'a list of attribute keys')
      .optional(),
    sessionId: functionOption<NonNullable<SessionResolution['sessionId']>>().optional(),
    baggage: z.strictObject({ trust: functionOption<Trust>() }, 'an object with `trust`, a function').optional(),
    selfObsMeterProvider: meterProviderOption(),
  };
}

const optionsSchema = lazily(() => z.strictObject(sessionOptions()));

function settingsOf(options: SessionLogRecordProcessorOptions): SessionLogRecordProcessorOptions {
  return parseOptions('SessionLogRecordProcessor', optionsSchema, options);
}

/** The longest that `forceFlush` and `shutdown` take, because the SDK passes no time limit. */
const FLUSH_MILLIS = 30_000;

const reporter = reporterFor('processor');

/** A separate object because routed records refer to it: a record that somebody keeps must not keep the store alive. */
class ProcessorsBehind implements DeliverySource {
  delivery: SessionDelivery | undefined = undefined;
  readonly erasers: Set<SessionEraser> = new Set();

  attachDelivery(delivery: SessionDelivery): void {
    this.delivery ??= delivery;
  }

  attachEraser(eraser: SessionEraser): void {
    unclaimedErasers.delete(eraser);
    this.erasers.add(eraser);
  }
}

/** The session processor without its default store, because this module knows no store. */
export class RoutingLogRecordProcessor implements LogRecordProcessor {
  /** For the facade. @hidden */
  readonly router: SessionRouter;
  readonly #source = new ProcessorsBehind();
  #closing: Promise<void> | undefined;
  #stopObserving: () => void;

  constructor(options: SessionLogRecordProcessorOptions, makeStore: () => SessionStore) {
    const { store, redact, selfObsMeterProvider, ...resolution } = settingsOf(options);
    this.router = new SessionRouter(store ?? makeStore(), redact, resolution, this.#source);
    this.#stopObserving = this.#observe(selfObsMeterProvider);
  }

  /** The store that holds the sessions. */
  get store(): SessionStore {
    return this.router.store;
  }

  /**
   * For the facade: replaces the options that it was made with. Without a `store` it keeps its store; else the old
   * store's entries move to the new one, redacted by the new options, and the old one is closed.
   *
   * @throws TypeError for a wrong option; then nothing has changed.
   * @hidden
   */
  reconfigure(options: SessionLogRecordProcessorOptions): void {
    const { store, redact, selfObsMeterProvider, ...resolution } = settingsOf(options);
    const { store: previous } = this;
    this.router.reconfigure(store ?? previous, redact, resolution);
    if (this.store !== previous) {
      previous
        .close(0)
        .catch((error: unknown) => reporter.warn('the store that was in use before the start did not close', error));
    }
    this.#stopObserving();
    this.#stopObserving = this.#observe(selfObsMeterProvider);
  }

  #observe(meters: MeterProvider | undefined): () => void {
    const stop = [
      observeProcessor(meters, 'SessionLogRecordProcessor', () => this.#figures()),
      observeStore(meters, () => this.store.stats()),
    ];
    return () => stop.forEach((each) => each());
  }

  /** Routes a record into its session. Synchronous; never throws. */
  onEmit(record: LogRecord, context?: Context): void {
    this.route(record, context);
  }

  /** Like `onEmit`, but returns whether the record may be passed on: `false` if the redaction dropped it. */
  route(record: LogRecord, context?: Context): boolean {
    if (this.#closing === undefined) return this.router.route(record, context);
    this.router.refuse(record);
    return false;
  }

  /** Returns true until shutdown: the SDK does not even make a record that no processor wants. */
  enabled(): boolean {
    return this.#closing === undefined;
  }

  /** The durable processor that comes after this one, once a record has passed both. */
  get delivery(): SessionDelivery | undefined {
    return this.#source.delivery;
  }

  /** The processors after this one that can erase what they got of a session, once a record has passed both. */
  get erasers(): ReadonlySet<SessionEraser> {
    return this.#source.erasers;
  }

  /** Resolves when the store has everything that was routed before the call, which an embedded store has at once. */
  async forceFlush(options: { timeoutMillis?: number } = {}): Promise<void> {
    return this.store.flush(timeoutOption('forceFlush', options) ?? FLUSH_MILLIS);
  }

  /**
   * Closes the store: readers still deliver what is held, then end with `'shutdown'`. Every call returns the same
   * promise; the shortest of the given times counts, each from its call on.
   *
   * @param options `timeoutMillis`: default 30,000.
   */
  shutdown(options: { timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('shutdown', options) ?? FLUSH_MILLIS;
    if (this.#closing === undefined) return (this.#closing = this.#close(timeoutMillis));
    // The promise of the first call has the outcome.
    void this.store.close(timeoutMillis).catch(() => {});
    return this.#closing;
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#stopObserving();
    try {
      await this.store.close(timeoutMillis);
    } catch (error) {
      reporter.warn('the store did not close in time', error);
      throw error;
    }
  }

  #figures(): ProcessorFigures {
    // Records without a session id, or with a cut one, were still passed on.
    const { unstamped: _, session_id_cut: __, ...lost } = this.router.lost.toJSON();
    const lostInAll = Object.values(lost).reduce((sum, count) => sum + count, 0);
    return { processed: this.router.routed - lostInAll, lost };
  }

  /** Returns the counters of the store, including what was lost on the way to it. */
  stats(): StoreStats {
    const stats = this.store.stats();
    return { ...stats, lost: addUp(stats.lost, this.router.lost.toJSON()) };
  }
}
