import type { HrTime, LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { ownValue } from '../../support/own-value.ts';
import { ownText } from '../../support/own-text.ts';
import { reporterFor } from '../../support/reporter.ts';

/** Attributes that a record takes before further ones are dropped and counted, as in the SDK. */
const ATTRIBUTE_COUNT_LIMIT = 128;

const reporter = reporterFor('coalescing');

/**
 * A log record made of several: what `CoalescingLogRecordProcessor` hands to its inner processor.
 *
 * It can stand wherever a record of either SDK line can: the inner processor may set things while its `onEmit` runs,
 * and reads afterwards. `resource` and `instrumentationScope` are those of the first record by reference, since the
 * OTLP serializer groups by identity.
 */
export class MergedLogRecord {
  hrTime: HrTime;
  hrTimeObserved: HrTime;
  spanContext: LogRecord['spanContext'];
  severityText: LogRecord['severityText'];
  severityNumber: LogRecord['severityNumber'];
  body: LogRecord['body'];
  eventName: string | undefined = undefined;
  readonly resource: LogRecord['resource'];
  readonly instrumentationScope: LogRecord['instrumentationScope'];
  readonly attributes: Record<string, unknown> = {};
  droppedAttributesCount = 0;
  #attributeCount = 0;
  #isReadonly = false;

  /** Takes time, context, severity, resource and scope from the record, but neither its body nor its attributes. */
  constructor(first: LogRecord) {
    this.hrTime = first.hrTime;
    this.hrTimeObserved = first.hrTimeObserved;
    this.spanContext = first.spanContext;
    this.severityText = first.severityText === undefined ? undefined : ownText(first.severityText);
    this.severityNumber = first.severityNumber;
    this.resource = first.resource;
    this.instrumentationScope = first.instrumentationScope;
  }

  /** Takes the attributes of one more record; of two values under one key the later stays. */
  takeAttributes(record: {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly droppedAttributesCount: number;
  }): void {
    this.droppedAttributesCount += record.droppedAttributesCount;
    const { attributes } = record;
    // `for in` over a plain object makes no array of keys, and this runs once a token.
    for (const key in attributes) {
      // The same on every record of a stream: stamped once, on the merged one.
      if (key === ATTRIBUTE.sessionId || key === ATTRIBUTE.streamId) continue;
      if (Object.hasOwn(attributes, key)) this.#put(key, attributes[key], ATTRIBUTE_COUNT_LIMIT);
    }
  }

  /** Sets an attribute of our own, which has room whatever the limit says. */
  stamp(key: string, value: unknown): void {
    this.#put(key, value, Number.POSITIVE_INFINITY);
  }

  #put(key: string, given: unknown, limit: number): void {
    // Most attributes are the same on every chunk.
    if (this.attributes[key] === given && given !== undefined) return;
    const value = ownValue(given);
    if (!Object.hasOwn(this.attributes, key)) {
      if (this.#attributeCount >= limit) {
        this.droppedAttributesCount += 1;
        return;
      }
      this.#attributeCount += 1;
      if (key === '__proto__') {
        Object.defineProperty(this.attributes, key, { value, enumerable: true, configurable: true, writable: true });
        return;
      }
    }
    this.attributes[key] = value;
  }

  setAttribute(key: string, value?: unknown): this {
    if (this.#isWritable()) this.#put(key, value, ATTRIBUTE_COUNT_LIMIT);
    return this;
  }

  setAttributes(attributes: Readonly<Record<string, unknown>>): this {
    for (const key of Object.keys(attributes)) this.setAttribute(key, attributes[key]);
    return this;
  }

  setBody(body: LogRecord['body']): this {
    if (this.#isWritable()) this.body = body;
    return this;
  }

  setEventName(eventName: string): this {
    if (this.#isWritable()) this.eventName = eventName;
    return this;
  }

  setSeverityNumber(severityNumber: LogRecord['severityNumber']): this {
    if (this.#isWritable()) this.severityNumber = severityNumber;
    return this;
  }

  setSeverityText(severityText: string): this {
    if (this.#isWritable()) this.severityText = severityText;
    return this;
  }

  /** From here on only reads: the inner processor's `onEmit` is over. */
  makeReadonly(): void {
    this.#isReadonly = true;
  }

  #isWritable(): boolean {
    if (this.#isReadonly) reporter.limited('readonly', 'a processor tried to change a log record after its onEmit');
    return !this.#isReadonly;
  }
}
