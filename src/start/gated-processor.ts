import { isBelow } from '../otel/log-record.ts';
import type { Context, EnabledOptions, LogRecord, LogRecordProcessor } from '../otel/log-record.ts';
import { tellInner } from '../otel/inner-part.ts';
import { reporterFor } from '../support/reporter.ts';

/** Decides whether a record passes, before any branch gets it. */
export interface Gate extends LogRecordProcessor {
  /** `false` drops the record. */
  route(record: LogRecord, context?: Context): boolean;
}

/** A destination of the records that pass. */
export interface Branch {
  readonly processor: LogRecordProcessor;
  /** Leaves out records with a lower severity number; records without one always pass. */
  readonly minimumSeverity: number | undefined;
}

const reporter = reporterFor('pipeline');

/**
 * A session processor and the branches behind it, as one processor. They cannot be registered one by one: the SDK
 * passes every record on to the next processor, even one that a redaction dropped.
 */
export class GatedLogRecordProcessor implements LogRecordProcessor {
  readonly #gate: Gate;
  readonly #branches: readonly Branch[];
  #shutdown: Promise<void> | undefined;

  constructor(gate: Gate, branches: readonly Branch[]) {
    this.#gate = gate;
    this.#branches = branches;
    tellInner(this, gate);
  }

  onEmit(record: LogRecord, context?: Context): void {
    if (!this.#gate.route(record, context)) return;
    for (const { processor, minimumSeverity } of this.#branches) {
      if (minimumSeverity !== undefined && isBelow(record.severityNumber, minimumSeverity)) continue;
      try {
        processor.onEmit(record, context);
      } catch (error) {
        // No branch may keep the record from the next one.
        reporter.limited('branch', 'a processor threw', error);
      }
    }
  }

  /**
   * Whether the gate takes records. It stores a session's records whatever the branches leave out, and only a record
   * tells its session.
   */
  enabled(options: EnabledOptions): boolean {
    return this.#gate.enabled?.(options) ?? true;
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#all().map((processor) => processor.forceFlush()));
  }

  shutdown(): Promise<void> {
    return (this.#shutdown ??= this.#shutdownAll());
  }

  async #shutdownAll(): Promise<void> {
    await Promise.all(this.#all().map((processor) => processor.shutdown()));
  }

  #all(): LogRecordProcessor[] {
    return [this.#gate, ...this.#branches.map(({ processor }) => processor)];
  }
}
