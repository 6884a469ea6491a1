import type { ReadableLogRecord } from '../formats.ts';
import { logData } from '../model/log-data.ts';
import type { LogData, Origin } from '../model/log-data.ts';
import { toAttributes, toValue } from './log-line.ts';

type HrTime = readonly [seconds: number, nanos: number];

/** Converts records of the SDK, as a spool has them. Records of one resource and scope share their origin. */
export class SdkRecordReader {
  readonly #origins = new WeakMap<object, WeakMap<object, Origin>>();

  read(record: ReadableLogRecord): LogData {
    const [millis, nanos] = timeOf(record.hrTime);
    const [observedMillis, observedNanos] = timeOf(record.hrTimeObserved);
    const { severityNumber, severityText, eventName, spanContext } = record;
    return logData({
      millis,
      nanos,
      observedMillis,
      observedNanos,
      severityNumber: typeof severityNumber === 'number' ? severityNumber : 0,
      severityText: severityText ?? '',
      eventName: eventName ?? '',
      body: toValue(record.body, 0),
      attributes: toAttributes(record.attributes),
      droppedAttributes: record.droppedAttributesCount,
      traceId: spanContext?.traceId ?? '',
      spanId: spanContext?.spanId ?? '',
      flags: spanContext?.traceFlags ?? 0,
      origin: this.#originOf(record),
    });
  }

  #originOf({ resource, instrumentationScope: scope }: ReadableLogRecord): Origin {
    let scopes = this.#origins.get(resource);
    if (scopes === undefined) this.#origins.set(resource, (scopes = new WeakMap()));
    let origin = scopes.get(scope);
    if (origin === undefined) {
      origin = {
        resource: toAttributes(resource.attributes),
        scopeName: scope.name,
        scopeVersion: scope.version ?? '',
        scopeAttributes: toAttributes((scope as { readonly attributes?: object }).attributes ?? {}),
      };
      scopes.set(scope, origin);
    }
    return origin;
  }
}

function timeOf([seconds, nanos]: HrTime): readonly [millis: number, nanos: number] {
  const millis = seconds * 1_000 + Math.floor(nanos / 1_000_000);
  return Number.isSafeInteger(millis) && millis >= 0 ? [millis, Math.floor(nanos % 1_000_000)] : [0, 0];
}
