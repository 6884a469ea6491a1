import type { ErasedPart, SessionEraser, SessionHolder } from '../../entry/erasure.ts';
import type { DeliveryReport, SessionDelivery } from '../../entry/routed-record.ts';
import { unclaimedErasers } from '../../entry/unclaimed-erasers.ts';
import type { LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { observeProcessor } from '../../otel/metrics.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { parseOptions, timeoutOption } from '../../support/options.ts';
import { reporterFor } from '../../support/reporter.ts';
import { settlesWithin, within } from '../../support/timeouts.ts';
import { startInterval } from '../../support/timers.ts';
import { batchSettings } from '../delivery/batch-settings.ts';
import { deliveryFacts } from '../delivery/delivery-facts.ts';
import { directoryFacts } from '../directory-facts.ts';
import { DeliveryLedger } from '../delivery/delivery-ledger.ts';
import { RecordDelivery } from '../delivery/record-delivery.ts';
import type { SpoolHooks } from '../delivery/record-delivery.ts';
import { ErasureMarks } from '../erasure/erasure-marks.ts';
import { uuidV7 } from '../spool/codec/uuid.ts';
import { claimRoot, unusable } from '../spool/spool-root.ts';
import type { RootClaim } from '../spool/spool-root.ts';
import { Spool } from '../spool/spool.ts';
import { DeadLetters } from './dead-letters.ts';
import { DurableErasure } from './durable-erasure.ts';
import { durableOptionsSchema } from './durable-options.ts';
import type { DurableLogRecordProcessorOptions, ParsedDurableOptions } from './durable-options.ts';
import type { DurableStats } from './durable-stats.ts';
import { expiryOf } from './expiry.ts';

/** A frame beyond the spool's limit would be refused as a whole. */
const MAX_FRAME_BYTES = 256 * 1024;
const ADOPT_INTERVAL_MILLIS = 10_000;
/** The longest that the removal of the spool's directory goes unnoticed. */
const PLACE_INTERVAL_MILLIS = 1_000;
/** The share of a shutdown's time that is kept for syncing and closing the files. */
const CLOSING_SHARE = 0.1;

/**
 * Writes each record to a spool on disk and ships it from there with any exporter. Use it instead of
 * `BatchLogRecordProcessor` if nothing may be lost.
 *
 * Delivery is at least once, in the order emitted. The collector may be away for hours, and the process may be killed:
 * records that were written still arrive, if necessary sent by the next process with the same `directory`. Only two
 * kinds of records can be lost: when the process is killed, those emitted since the event loop last turned; and beyond
 * `maxBytes`, the oldest ones, which are counted in `stats()` and reported to `onLoss`.
 *
 * @example
 * ```ts
 * const durable = new DurableLogRecordProcessor({ exporter: new OTLPLogExporter(), directory: '/var/spool/app/logs' });
 * new NodeSDK({ logRecordProcessors: [sessions.processor, durable] }).start();
 * ```
 *
 * @throws TypeError for a wrong option.
 * @throws SessionLogsError `directory_in_use` for a second processor on the same directory in this process;
 * `directory_unusable` if the path is not a directory, belongs to another user, is writable by other users, or cannot
 * be written to; `path_too_long` on systems other than Linux, for a path of more than about 70 bytes. A full disk does
 * not throw.
 */
export class DurableLogRecordProcessor implements LogRecordProcessor, SessionDelivery, SessionEraser {
  readonly #options: ParsedDurableOptions;
  readonly #reporter = reporterFor('durable');
  readonly #root: RootClaim;
  readonly #marks: ErasureMarks;
  readonly #delivery: RecordDelivery<Spool>;
  readonly #erasure: DurableErasure;
  #shutdown: Promise<void> | undefined;
  readonly #stopObserving: () => void;
  readonly #adoptTimer: NodeJS.Timeout;
  readonly #placeTimer: NodeJS.Timeout;

  constructor(options: DurableLogRecordProcessorOptions) {
    const parsed = parseOptions('DurableLogRecordProcessor', durableOptionsSchema, options);
    this.#options = parsed;
    this.#root = claimRoot(parsed.directory, this.#reporter);
    this.#marks = new ErasureMarks(this.#root.path, this.#reporter);
    this.#delivery = this.#newDelivery();
    this.#erasure = new DurableErasure(this.#root.path, this.#marks, this.#delivery, this.#reporter);
    this.#adoptTimer = startInterval(() => void this.#adopt(), ADOPT_INTERVAL_MILLIS).unref();
    this.#placeTimer = startInterval(() => this.#lookAround(), PLACE_INTERVAL_MILLIS).unref();
    void this.#adopt();
    deliveryFacts.tell(this, () => this.#delivery.facts);
    directoryFacts.tell(this, () => ({
      directory: this.#root.path,
      holds: 'spool',
      error: this.#delivery.spool.diskError,
    }));
    this.#stopObserving = observeProcessor(parsed.selfObsMeterProvider, 'DurableLogRecordProcessor', () => {
      const { exported: succeeded, rejected: failed, pending, lost } = this.stats();
      return { processed: succeeded, lost, queueSize: pending.own + pending.adopted, exported: { succeeded, failed } };
    });
    unclaimedErasers.add(this);
  }

  #lookAround(): void {
    this.#delivery.spool.checkPlace();
    this.#erasure.look();
  }

  #newDelivery(): RecordDelivery<Spool> {
    const { exporter, flush, maxBytes, maxAgeMillis, maxDeadBytes, recordUid, onLoss, now } = this.#options;
    const reporter = this.#reporter;
    const ledger = new DeliveryLedger(reporter, onLoss);
    const expiredBefore = expiryOf(maxAgeMillis, now);
    return new RecordDelivery<Spool>({
      batch: batchSettings(this.#options, reporter),
      exporter,
      ledger,
      reporter,
      expiredBefore,
      openSpool: (hooks) => this.#openSpool(hooks, expiredBefore),
      rejected: new DeadLetters(this.#root.path, {
        maxBytes: maxDeadBytes,
        now,
        onLost: (reason, count) => ledger.lose(reason, count, false),
      }),
      write: flush,
      maxFrameBytes: Math.min(MAX_FRAME_BYTES, maxBytes / 8),
      now,
      newUid: recordUid ? () => uuidV7(now()) : undefined,
      delivery: this,
      onExit: () => this.#delivery.spool.persistAll(),
    });
  }

  #openSpool(hooks: SpoolHooks, expiredBefore: () => number): Spool {
    try {
      return new Spool({
        ...this.#options,
        ...hooks,
        root: this.#root.path,
        expiredBefore,
        reporter: this.#reporter,
        marks: this.#marks,
        onKnock: () => this.#erasure.look(),
      });
    } catch (error) {
      this.#root.release();
      throw error instanceof SessionLogsError ? error : unusable(this.#root.path, 'it cannot be written to', error);
    }
  }

  /** Takes a record. Synchronous; never throws, never waits for the collector. */
  onEmit(record: LogRecord): void {
    this.#delivery.add(record);
  }

  /** Returns true until shutdown. */
  enabled(): boolean {
    return this.#delivery.isOpen;
  }

  /**
   * Resolves when the exporter has acknowledged everything emitted before the call; being written to disk is not
   * enough.
   *
   * It does not wait for the backlog of dead processes; see `stats()`. Every caller waits for the whole flush, at
   * most for `timeoutMillis`, by default the option `forceFlushTimeoutMillis`.
   *
   * @throws SessionLogsError `flush_timeout` with the number pending when the time is over; `rejected` if any record
   * emitted since the last flush was rejected by the collector or dropped because of a limit.
   */
  async forceFlush(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('forceFlush', options) ?? this.#options.forceFlushTimeoutMillis;
    if (this.#shutdown !== undefined) return within(this.#shutdown, timeoutMillis, 'flush_timeout', 'the shutdown');
    return this.#delivery.flush(timeoutMillis);
  }

  /**
   * Tells up to which entry a session has reached the collector. Resolves when the entries logged before the call are
   * acknowledged, rejected or dropped, after `timeoutMillis` at the latest.
   *
   * For a session that this process does not know or has forgotten, it waits for all records.
   *
   * @default the option `forceFlushTimeoutMillis`
   */
  async flushSession(sessionId: string, options: { readonly timeoutMillis?: number } = {}): Promise<DeliveryReport> {
    const timeoutMillis = timeoutOption('flushSession', options) ?? this.#options.forceFlushTimeoutMillis;
    return this.#delivery.flushSession(sessionId, timeoutMillis);
  }

  /**
   * Erases a session in the spool: unacknowledged records that came before the call, records that dead processes left,
   * and records that the collector rejected. Waits for a running export, at most `exportTimeoutMillis`. Asks living
   * processes of the same root, and waits for them up to 5 s.
   *
   * @throws SessionLogsError `erasure_incomplete` if a file cannot be read or written; call it again to do the rest.
   */
  eraseSession(sessionId: string): Promise<ErasedPart> {
    return this.#erasure.eraseSession(sessionId);
  }

  /**
   * Attaches a holder such as the coalescing processor in front of this one, which then also drops what another process
   * erases.
   */
  attachHolder(holder: SessionHolder): void {
    this.#erasure.holders.add(holder);
  }

  /**
   * Ships what it can, and ends within `shutdownTimeoutMillis` even if the collector does not answer. Resolves when
   * undelivered records are on disk, from where the next start ships them; a diag warning gives their number.
   *
   * @param options `timeoutMillis` replaces `shutdownTimeoutMillis` if it is shorter.
   * @throws SessionLogsError `shutdown_timeout` with the number of records that are neither delivered nor on disk.
   */
  shutdown(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('shutdown', options) ?? Infinity;
    return (this.#shutdown ??= this.#close(Math.min(timeoutMillis, this.#options.shutdownTimeoutMillis)));
  }

  stats(): DurableStats {
    const { ledger, spool, pending } = this.#delivery;
    const { own, adopted, bytes, newer } = spool;
    const segments = [...own.segments, ...adopted.segments].filter(({ records, settled }) => settled < records);
    const oldest = Math.min(...segments.map((segment) => segment.oldestMillis));
    return {
      received: ledger.received,
      exported: ledger.exported,
      rejected: ledger.rejected,
      pending: { own: pending, adopted: adopted.pending },
      newer,
      bytes,
      segments: own.segments.length + adopted.segments.length,
      oldestAgeMillis: segments.length === 0 ? 0 : Math.max(0, this.#options.now() - oldest),
      lost: ledger.lost,
    };
  }

  async #adopt(): Promise<void> {
    this.#delivery.spool.dropAged();
    await this.#delivery.spool.adopt();
    this.#delivery.wake();
  }

  async #close(timeoutMillis: number): Promise<void> {
    clearInterval(this.#adoptTimer);
    clearInterval(this.#placeTimer);
    unclaimedErasers.delete(this);
    this.#stopObserving();
    const delivery = this.#delivery;
    const deadline = await delivery.stop(timeoutMillis, CLOSING_SHARE);
    const inMemory = delivery.spool.persistAll();
    const undelivered = delivery.spool.own.pending;
    await settlesWithin(this.#closeSpool(), deadline.left);
    this.#root.release();
    await delivery.release(deadline);
    if (inMemory > 0) {
      delivery.ledger.lose('unwritten_at_shutdown', inMemory, true);
      throw delivery.undelivered(inMemory, 'are neither delivered nor on disk');
    }
    if (undelivered > 0) {
      const what = `${undelivered} log records are not delivered`;
      this.#reporter.warn(`${what}; they are on disk, and the next start will ship them`);
    }
  }

  async #closeSpool(): Promise<void> {
    try {
      await this.#delivery.spool.close();
    } catch (error) {
      this.#reporter.warn('the spool could not be closed', error);
    }
  }
}
