import type { HrTime, LogRecord } from '../otel/log-record.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { SCOPE_NAME } from './own-write.ts';

/**
 * Makes a record for the router when no provider leads to this package's processor: the part of the SDK's record that
 * routing reads and redaction changes.
 */
export function directRecord(
  emitted: EmittedLogRecord,
  spanContext?: LogRecord['spanContext'],
  scope: LogRecord['instrumentationScope'] = OWN_SCOPE,
): LogRecord {
  return new DirectRecord(emitted, spanContext, scope) as unknown as LogRecord;
}

const OWN_SCOPE = Object.freeze({ name: SCOPE_NAME });
const NO_RESOURCE = Object.freeze({ attributes: Object.freeze({}) });

class DirectRecord {
  readonly hrTime: HrTime;
  readonly hrTimeObserved: HrTime;
  readonly spanContext: LogRecord['spanContext'];
  readonly severityNumber: number | undefined;
  readonly severityText: string | undefined;
  readonly eventName: string | undefined;
  readonly attributes: Record<string, unknown>;
  // For the application's `sessionId` callback, which expects a record of the SDK.
  readonly instrumentationScope: LogRecord['instrumentationScope'];
  readonly resource: Pick<LogRecord['resource'], 'attributes'> = NO_RESOURCE;
  body: unknown;

  constructor(
    emitted: EmittedLogRecord,
    spanContext: LogRecord['spanContext'],
    scope: LogRecord['instrumentationScope'],
  ) {
    this.instrumentationScope = scope;
    const now = Date.now();
    this.spanContext = spanContext;
    this.hrTimeObserved = toHrTime(now);
    this.hrTime = emitted.timestamp ?? this.hrTimeObserved;
    this.severityNumber = emitted.severityNumber;
    this.severityText = emitted.severityText;
    this.eventName = emitted.eventName;
    this.body = emitted.body;
    this.attributes = { ...emitted.attributes };
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
