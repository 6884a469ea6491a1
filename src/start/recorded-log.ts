import { toJsonValue } from '../entry/body.ts';
import type { JsonValue } from '../entry/body.ts';
import { captureDetail, captureMessage, captureTimestamp } from '../entry/capture.ts';
import { entryFields } from '../entry/entry.ts';
import type { LogEntry } from '../entry/entry.ts';
import { routedRecordOf } from '../entry/routed-record.ts';
import type { LogRecord } from '../otel/log-record.ts';
import { ATTRIBUTE } from '../otel/names.ts';

/** A log as a file or a collector would get it, as plain data. */
export interface RecordedLog extends Omit<LogEntry, 'id' | 'sessionId' | 'attributes'> {
  /** `undefined` if the log belongs to no session. */
  readonly sessionId: string | undefined;
  /** The record's attributes, without those that the other fields show. */
  readonly attributes: Readonly<Record<string, JsonValue>>;
}

const TOLD: ReadonlySet<string> = new Set([ATTRIBUTE.sessionId, ATTRIBUTE.streamId, ATTRIBUTE.logType]);

/** A copy of the record as it is now; it shares nothing with the record. */
export function recordedLog(record: LogRecord): RecordedLog {
  const routed = routedRecordOf(record);
  const sessionId = routed?.sessionId;
  const detail = routed?.detail ?? captureDetail(record, undefined);
  const message = captureMessage(record.body, detail);
  const fields = entryFields(sessionId ?? '', message, captureTimestamp(record), detail);
  const attributes: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record.attributes)) if (!TOLD.has(key)) attributes[key] = value;
  return { ...fields, sessionId, attributes: toJsonValue(attributes) as RecordedLog['attributes'] };
}
