import { toJsonValue } from '../entry/body.ts';
import type { JsonValue } from '../entry/body.ts';
import { captureDetail, captureMessage, captureTimestamp } from '../entry/capture.ts';
import { entryFields } from '../entry/entry.ts';
import type { LogEntry } from '../entry/entry.ts';
import { routedRecordOf } from '../entry/routed-record.ts';
import type { LogRecord } from '../otel/log-record.ts';
import { ATTRIBUTE } from '../otel/names.ts';

/** A log as a destination gets it, as plain data: what a file or a collector would have of it. */
export interface RecordedLog extends Omit<LogEntry, 'id' | 'sessionId' | 'attributes'> {
  /** `undefined`: it belongs to no session. */
  readonly sessionId: string | undefined;
  /** All of the record's, but those that the other fields tell. */
  readonly attributes: Readonly<Record<string, JsonValue>>;
}

const TOLD: ReadonlySet<string> = new Set([ATTRIBUTE.sessionId, ATTRIBUTE.streamId, ATTRIBUTE.logType]);

/** The record as it is now, of which nothing is kept. */
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
