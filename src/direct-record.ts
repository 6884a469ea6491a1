import { bodyToText, readableAttributes, UNREADABLE } from './body.ts';
import { ATTRIBUTE } from './otel.ts';
import type { EmittedLogRecord, HrTime, LogRecord } from './otel.ts';

/**
 * A record as the router takes it, for what is written where no provider leads to our processor: the part of the SDK's
 * record that routing reads and redaction changes.
 */
export function directRecord(emitted: EmittedLogRecord): LogRecord {
  return new DirectRecord(emitted) as unknown as LogRecord;
}

class DirectRecord {
  readonly hrTime: HrTime;
  readonly hrTimeObserved: HrTime;
  readonly spanContext: undefined = undefined;
  readonly severityNumber: number | undefined;
  readonly severityText: string | undefined;
  readonly eventName: string | undefined;
  readonly attributes: Record<string, unknown>;
  body: unknown;

  constructor(emitted: EmittedLogRecord) {
    const now = Date.now();
    this.hrTimeObserved = toHrTime(now);
    this.hrTime = emitted.timestamp ?? this.hrTimeObserved;
    this.severityNumber = emitted.severityNumber;
    this.severityText = emitted.severityText;
    this.eventName = emitted.eventName;
    this.body = emitted.body;
    this.attributes = { ...readableAttributes(emitted.attributes), ...exceptionAttributes(emitted.exception) };
  }

  setAttribute(key: string, value: unknown): this {
    this.attributes[key] = value;
    return this;
  }

  setBody(body: unknown): this {
    this.body = body;
    return this;
  }
}

/** Milliseconds since the epoch as an SDK time. */
export function toHrTime(millis: number): HrTime {
  const seconds = Math.floor(millis / 1000);
  return [seconds, Math.round((millis - seconds * 1000) * 1_000_000)];
}

/** As the SDK writes a record's exception, https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/ */
function exceptionAttributes(exception: unknown): Record<string, string> {
  if (exception === undefined || exception === null) return {};
  try {
    if (!(exception instanceof Error)) return { [ATTRIBUTE.exceptionMessage]: bodyToText(exception) };
    return {
      [ATTRIBUTE.exceptionType]: exception.name,
      [ATTRIBUTE.exceptionMessage]: exception.message,
      ...(exception.stack === undefined ? {} : { [ATTRIBUTE.exceptionStacktrace]: exception.stack }),
    };
  } catch {
    // A getter or trap of the application's threw: that something went wrong still stands.
    return { [ATTRIBUTE.exceptionMessage]: UNREADABLE };
  }
}
