import { LossCounters } from '../../support/loss-counters.ts';
import type { LossReason } from '../../support/loss-counters.ts';
import { catchRejection } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { nextMicrotask } from '../../support/timers.ts';
import { totalOf } from '../spool/erase-frames.ts';
import type { ErasedCounts } from '../spool/erase-frames.ts';
import type { Settlement, SpoolBatch } from '../spool/spool-batch.ts';
import { ExportedSessions } from './exported-sessions.ts';
import { SessionPositions } from './session-positions.ts';

/** Lost records, which will never reach the collector. */
export interface Loss {
  /** The reason: `spool_full`, `expired`, `damaged`, `disk_full`, `spool_unwritable`, `spool_removed`, `too_large`, ... */
  readonly reason: LossReason;
  /** The number of records. */
  readonly count: number;
}

/** Counts what became of the records: in total, by reason of loss, and by session. */
export class DeliveryLedger {
  readonly positions: SessionPositions = new SessionPositions();
  readonly exportedSessions: ExportedSessions = new ExportedSessions();
  received = 0;
  exported = 0;
  rejected = 0;
  /** Records of this process that were rejected or lost. */
  unsuccessful = 0;
  /** Number of records of this process that are delivered, rejected or lost. */
  #settled = 0;
  readonly #lost = new LossCounters();
  readonly #reporter: Reporter;
  readonly #onLoss: ((loss: Loss) => void) | undefined;
  /**
   * Losses that `onLoss` has not been called with yet. It is called later, because the application may log from there
   * into the very segment that is being dropped.
   */
  readonly #untold = new Map<LossReason, number>();
  readonly #tell = (): void => {
    const losses = [...this.#untold];
    this.#untold.clear();
    for (const [reason, count] of losses) this.#tellOne(reason, count);
  };

  constructor(reporter: Reporter, onLoss: ((loss: Loss) => void) | undefined) {
    this.#reporter = reporter;
    this.#onLoss = onLoss;
  }

  /** Number of lost records by reason. */
  get lost(): Record<string, number> {
    return this.#lost.toJSON();
  }

  /** Number of records of this process that are neither delivered, rejected nor lost. */
  get waiting(): number {
    return this.received - this.#settled;
  }

  /** Counts lost records and reports them. */
  lose(reason: LossReason, count: number, isOwn: boolean): void {
    this.count(reason, count, isOwn);
    if (this.#untold.size === 0) nextMicrotask(this.#tell);
    this.#untold.set(reason, (this.#untold.get(reason) ?? 0) + count);
  }

  /** Counts lost records, which the caller reports. */
  count(reason: LossReason, count: number, isOwn: boolean): void {
    this.#lost.add(reason, count);
    if (!isOwn) return;
    this.unsuccessful += count;
    this.#settled += count;
  }

  /** Counts settled records of a batch. */
  settle(batch: SpoolBatch, from: number, to: number, settlement: Settlement, isOwn: boolean): void {
    const count = to - from;
    if (settlement === 'expired') {
      this.lose('expired', count, isOwn);
      return;
    }
    if (settlement === 'delivered') {
      this.exported += count;
      this.exportedSessions.note(batch, from, to);
    } else {
      this.rejected += count;
      if (isOwn) this.unsuccessful += count;
    }
    if (!isOwn) return;
    this.#settled += count;
    this.#settleSessions(batch, from, to, settlement === 'delivered');
  }

  /** Counts records of this process that were erased with their sessions, so that nobody waits for them. */
  erased(counts: ErasedCounts): void {
    this.#settled += totalOf(counts);
    for (const sessionId of counts.keys()) this.positions.erased(sessionId);
  }

  #settleSessions(batch: SpoolBatch, from: number, to: number, isDelivered: boolean): void {
    batch.eachSegment(from, to, (segment, first, end) => {
      for (let i = first; i < end; i += 1) {
        const entry = batch.sessions[i];
        if (entry !== undefined) this.positions.settled(segment, entry, isDelivered);
      }
    });
  }

  #tellOne(reason: LossReason, count: number): void {
    this.#reporter.limited(`lost ${reason}`, `log records are lost: ${reason} (${this.#lost.get(reason)} so far)`);
    const failed = (error: unknown): boolean => this.#reporter.limited('onLoss', '`onLoss` threw', error);
    try {
      catchRejection(this.#onLoss?.({ reason, count }), failed);
    } catch (error) {
      failed(error);
    }
  }
}
