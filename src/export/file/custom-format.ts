import { bodyToText, toJsonValue } from '../../entry/body.ts';
import type { JsonValue } from '../../entry/body.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import type { LogRecord } from '../../otel/log-record.ts';
import { describeValue } from '../../support/errors.ts';
import { catchRejection } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { escapeText, withoutColours } from '../../support/terminal-text.ts';
import { levelOf, recordMillis, sessionIdOfRecord } from '../line-parts.ts';
import type { LineFormatter } from './log-line.ts';

/** A log record for a {@link LineFormat}: plain and JSON-safe, so that `JSON.stringify` writes all of it. */
export interface LineRecord {
  /** Time of the record, ISO 8601, UTC. */
  readonly timestamp: string;
  /** `INFO`, `WARN`, ...; `CHAT` without a severity. */
  readonly level: string;
  readonly severityNumber: number | undefined;
  readonly sessionId: string | undefined;
  /** The body as text without colour codes; as JSON if it is not a string. */
  readonly message: string;
  /** The body with its structure. */
  readonly body: JsonValue;
  /** All attributes, including `exception.type`, `exception.message` and `exception.stacktrace`. */
  readonly attributes: Readonly<Record<string, JsonValue>>;
  readonly eventName: string | undefined;
  readonly scope: { readonly name: string; readonly version: string | undefined };
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

/** Returns the line of a record, without its line end. Called while the record is emitted. */
export type LineFormat = (record: LineRecord) => string;

const LINE_END = /\r?\n$/;
const LINE_BREAK = /[\n\r\u2028\u2029]/;

/** Formats records as lines with a function of the application, or as text if that fails. */
export class CustomFormatter {
  readonly #format: LineFormat;
  readonly #reporter: Reporter;
  readonly #own: LineFormatter;
  /**
   * `true` while the function runs. If it logs, its own records are written as text, else it would be called for ever.
   */
  #isRunning = false;
  /** Number of results of the function that were not one line of text. */
  misformatted = 0;

  constructor(format: LineFormat, own: LineFormatter, reporter: Reporter) {
    this.#format = format;
    this.#own = own;
    this.#reporter = reporter;
  }

  /** The line without its line end. It contains no control characters. */
  format(record: LogRecord): string {
    if (this.#isRunning) return this.#own.format(record);
    this.#isRunning = true;
    try {
      const line: unknown = this.#format(lineRecordOf(record));
      if (typeof line === 'string') return this.#inOneLine(line);
      catchRejection(line, () => 'what it would have been is reported below');
      this.#failed(`returned ${describeValue(line)} instead of a string; the line is written as text`);
    } catch (error) {
      this.#failed('threw; the line is written as text', error);
    } finally {
      this.#isRunning = false;
    }
    return this.#own.format(record);
  }

  #inOneLine(given: string): string {
    const line = given.replace(LINE_END, '');
    if (LINE_BREAK.test(line)) this.#failed('returned line breaks; they are written as \\u000a and the like');
    return escapeText(line);
  }

  #failed(how: string, cause?: unknown): void {
    this.misformatted += 1;
    this.#reporter.limited('format', `\`format\` ${how}`, cause);
  }
}

function lineRecordOf(record: LogRecord): LineRecord {
  const { severityNumber, eventName, instrumentationScope: scope, spanContext } = record;
  return Object.freeze({
    timestamp: isoTimestamp(recordMillis(record)),
    level: levelOf(record),
    severityNumber,
    sessionId: sessionIdOfRecord(record),
    message: withoutColours(bodyToText(record.body)),
    body: toJsonValue(record.body),
    attributes: toJsonValue(record.attributes) as Readonly<Record<string, JsonValue>>,
    eventName,
    scope: Object.freeze({ name: scope.name, version: scope.version }),
    traceId: spanContext?.traceId,
    spanId: spanContext?.spanId,
  });
}
