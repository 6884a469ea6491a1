import { toJsonValue } from '../../body.ts';
import { entryDetail, isTimestamp } from '../../entry.ts';
import type { EntryDetail } from '../../entry.ts';
import { ENTRY_KINDS } from '../../tokens.ts';

/** The part of an entry that is stored as one field. */
export interface EncodedEntry {
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly detail: EntryDetail | undefined;
}

// UTF-8 has no lone surrogates; JSON escapes them, so a chunk cut inside an emoji arrives as it was sent.
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * An entry as text. A plain chunk is its time in base 36, a comma and the message, since nearly every entry is one;
 * anything else is a JSON object with short names.
 */
export function encodeEntry(message: string, timestamp: number, detail: EntryDetail | undefined): string {
  if (detail === undefined && !LONE_SURROGATE.test(message)) return `${Math.trunc(timestamp).toString(36)},${message}`;
  const fields: Record<string, unknown> = { t: Math.trunc(timestamp), m: message };
  if (detail !== undefined) {
    if (detail.logType === 'log') fields['l'] = 1;
    if (detail.kind !== 'text') fields['k'] = detail.kind;
    if (detail.streamId !== undefined) fields['s'] = detail.streamId;
    if (detail.severityNumber !== undefined) fields['n'] = detail.severityNumber;
    if (detail.severityText !== undefined) fields['v'] = detail.severityText;
    if (detail.attributes !== undefined) fields['a'] = toJsonValue(detail.attributes);
    if (detail.eventName !== undefined) fields['e'] = detail.eventName;
    if (detail.traceId !== undefined) fields['i'] = detail.traceId;
    if (detail.spanId !== undefined) fields['p'] = detail.spanId;
    if (detail.endsReasoning) fields['r'] = 1;
  }
  return JSON.stringify(fields);
}

/** The entry of a stored field, `undefined` when it is not one of ours: the log is shared, so nothing in it is trusted. */
export function decodeEntry(text: string): EncodedEntry | undefined {
  if (text.charCodeAt(0) === 123 /* { */) return decodeJson(text);
  const comma = text.indexOf(',');
  const timestamp = comma < 1 || comma > 11 ? Number.NaN : Number.parseInt(text.slice(0, comma), 36);
  return isTime(timestamp) ? { message: text.slice(comma + 1), timestamp, detail: undefined } : undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && isTimestamp(value);
}

function decodeJson(text: string): EncodedEntry | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not written by this package.
    return undefined;
  }
  const { t: timestamp, m: message } = fields;
  if (!isTime(timestamp) || typeof message !== 'string') return undefined;
  if (Object.keys(fields).length === 2) return { message, timestamp, detail: undefined };
  const attributes = fields['a'];
  const severity = fields['n'];
  const detail = entryDetail({
    logType: fields['l'] === 1 ? 'log' : 'chat',
    kind: ENTRY_KINDS.find((kind) => kind === fields['k']) ?? 'text',
    streamId: textOf(fields['s']),
    severityNumber: typeof severity === 'number' ? severity : undefined,
    severityText: textOf(fields['v']),
    attributes:
      typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)
        ? (attributes as Record<string, unknown>)
        : undefined,
    eventName: textOf(fields['e']),
    traceId: textOf(fields['i']),
    spanId: textOf(fields['p']),
    endsReasoning: fields['r'] === 1,
  });
  return { message, timestamp, detail };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
