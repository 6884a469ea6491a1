import { bodyToText, toJsonValue } from '../../entry/body.ts';
import type { JsonValue } from '../../entry/body.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import type { LogRecord } from '../../otel/log-record.ts';
import { describeValue } from '../../support/errors.ts';
import { catchRejection } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { escapeText, withoutColours } from '../../support/terminal-text.ts';
import { levelOf, recordMillis } from '../line-parts.ts';
import { LineFormatter, sessionIdOfRecord } from './log-line.ts';

/** A log record as a {@link Layout} gets it: plain and JSON-safe, so that `JSON.stringify` writes it whole. */
export interface LayoutRecord {
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  /** `INFO`, `WARN`, ...; `CHAT` without a severity. */
  readonly level: string;
  readonly severityNumber: number | undefined;
  readonly sessionId: string | undefined;
  /** The body as text, without colour codes; JSON when it is no string. */
  readonly message: string;
  readonly attributes: Readonly<Record<string, JsonValue>>;
  readonly eventName: string | undefined;
  readonly scope: { readonly name: string; readonly version: string | undefined };
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

/** Makes the line of a record, without its line end. It is called while the record is emitted. */
export type Layout = (record: LayoutRecord) => string;

/** Formats records as lines with a layout of the application; with our own where that fails. */
export class LayoutFormatter {
  readonly #layout: Layout;
  readonly #reporter: Reporter;
  readonly #own = new LineFormatter();
  /** A layout may log: its own records have no layout, which would call it for ever. */
  #isRunning = false;

  constructor(layout: Layout, reporter: Reporter) {
    this.#layout = layout;
    this.#reporter = reporter;
  }

  /** The line without its line end. It contains no control characters. */
  format(record: LogRecord): string {
    if (this.#isRunning) return this.#own.format(record);
    this.#isRunning = true;
    try {
      const line: unknown = this.#layout(layoutRecordOf(record));
      if (typeof line === 'string') return escapeText(line);
      catchRejection(line, () => 'what it would have been is reported below');
      this.#failed(`returned ${describeValue(line)} in place of a string`);
    } catch (error) {
      this.#failed('threw', error);
    } finally {
      this.#isRunning = false;
    }
    return this.#own.format(record);
  }

  #failed(how: string, cause?: unknown): void {
    this.#reporter.limited('layout', `\`layout\` ${how}; the line is written as without it`, cause);
  }
}

function layoutRecordOf(record: LogRecord): LayoutRecord {
  const { severityNumber, eventName, instrumentationScope: scope, spanContext } = record;
  return Object.freeze({
    timestamp: isoTimestamp(recordMillis(record)),
    level: levelOf(record),
    severityNumber,
    sessionId: sessionIdOfRecord(record),
    message: withoutColours(bodyToText(record.body)),
    attributes: toJsonValue(record.attributes) as Readonly<Record<string, JsonValue>>,
    eventName,
    scope: Object.freeze({ name: scope.name, version: scope.version }),
    traceId: spanContext?.traceId,
    spanId: spanContext?.spanId,
  });
}
