import { isBelow } from '../otel/log-record.ts';
import type { Context, EnabledOptions, LogRecord, LogRecordProcessor } from '../otel/log-record.ts';
import { tellInner } from '../otel/inner-part.ts';
import { reporterFor } from '../support/reporter.ts';

/** Decides on each record, before any branch gets it. */
export interface Gate extends LogRecordProcessor {
  /** `false`: the record goes no further. */
  route(record: LogRecord, context?: Context): boolean;
}

/** One destination of the records that pass. */
export interface Branch {
  readonly processor: LogRecordProcessor;
  /** Records of a lower severity number are left out; those without one always pass. */
  readonly minimumSeverity: number | undefined;
}

const reporter = reporterFor('pipeline');

/**
 * A session processor with the branches behind it, as one processor. In a provider of its own right each would be
 * registered by itself; but the SDK passes every record on to the next processor, also one that a redaction dropped.
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
        // None may keep the record from the next.
        reporter.limited('branch', 'a processor threw', error);
      }
    }
  }

  /**
   * Whether the gate takes records: it holds those of a session whatever the branches leave out, and only a record tells
   * its session.
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
