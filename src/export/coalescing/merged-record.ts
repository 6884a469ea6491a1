import type { HrTime, LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE, USAGE_PREFIX } from '../../otel/names.ts';
import { ownValue } from '../../support/own-value.ts';
import { ownText } from '../../support/own-text.ts';
import { reporterFor } from '../../support/reporter.ts';

/** The most attributes of a record; further ones are dropped and counted, as in the SDK. */
const ATTRIBUTE_COUNT_LIMIT = 128;

const reporter = reporterFor('coalescing');

/**
 * A log record merged from several, which `CoalescingLogRecordProcessor` passes to its inner processor.
 *
 * It can be used like a record of either SDK line: the inner processor may change it while its `onEmit` runs, and read
 * it afterwards. `resource` and `instrumentationScope` are the objects of the first record, because the OTLP serializer
 * groups records by identity.
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

  /** Takes the attributes of one more record. A later value replaces an earlier one. */
  takeAttributes(record: {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly droppedAttributesCount: number;
  }): void {
    this.droppedAttributesCount += record.droppedAttributesCount;
    const { attributes } = record;
    // `for in` makes no array of keys; this runs once per token.
    for (const key in attributes) {
      // All records of an answer have the same value, which is set once, on the merged record.
      if (key === ATTRIBUTE.sessionId || key === ATTRIBUTE.streamId) continue;
      if (Object.hasOwn(attributes, key)) this.#put(key, attributes[key], ATTRIBUTE_COUNT_LIMIT);
    }
  }

  /** Sets an attribute of this package, to which the limit does not apply. */
  stamp(key: string, value: unknown): void {
    this.#put(key, value, Number.POSITIVE_INFINITY);
  }

  #put(key: string, given: unknown, limit: number): void {
    // Most attributes are the same on every chunk.
    if (this.attributes[key] === given && given !== undefined) return;
    const value = ownValue(given);
    if (!Object.hasOwn(this.attributes, key)) {
      // Token usage comes with the end of the answer, after all attributes of the application.
      if (this.#attributeCount >= limit && !key.startsWith(USAGE_PREFIX)) {
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

  /** Makes the record immutable: the inner processor's `onEmit` has returned. */
  makeReadonly(): void {
    this.#isReadonly = true;
  }

  #isWritable(): boolean {
    if (this.#isReadonly) reporter.limited('readonly', 'a processor tried to change a log record after its onEmit');
    return !this.#isReadonly;
  }
}
