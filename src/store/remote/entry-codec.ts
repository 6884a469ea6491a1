import { toJsonValue } from '../../entry/body.ts';
import { entryDetail } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { isTimestamp } from '../../entry/timestamp.ts';
import { ENTRY_KINDS } from '../../entry/tokens.ts';
import { ownJoin } from '../../support/own-text.ts';

/** The parts of an entry that are stored in one field. */
export interface EncodedEntry {
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly detail: EntryDetail | undefined;
}

// UTF-8 has no lone surrogates; JSON escapes them, so a chunk cut inside an emoji arrives as it was sent.
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Encodes an entry as text. A plain chunk, which nearly every entry is, becomes its time in base 36, a comma and the
 * message; anything else becomes a JSON object with short names. The text keeps no other string alive.
 */
export function encodeEntry(message: string, timestamp: number, detail: EntryDetail | undefined): string {
  if (detail === undefined && !LONE_SURROGATE.test(message)) {
    return ownJoin(`${Math.trunc(timestamp).toString(36)},`, message);
  }
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

/** Why a text cannot be decoded: its format is newer than this version, or it was never an entry. */
export type Unreadable = 'newer_version' | 'not_an_entry';

const OPENING_BRACE = 123;

/**
 * Decodes a stored entry. The log is shared, so nothing in it is trusted.
 *
 * The first character is the format: `{`, or a character with which a number in base 36 begins. Other characters are
 * for newer versions, for entries that an older one must not read in its way. Anything that an older version may safely
 * overlook is one more member of the JSON. It must not overlook an unknown kind or log type: a control token would be
 * shown to the user as text.
 */
export function decodeEntry(text: string): EncodedEntry | Unreadable {
  if (text.charCodeAt(0) === OPENING_BRACE) return decodeJson(text);
  if (!beginsWithTime(text)) return text === '' ? 'not_an_entry' : 'newer_version';
  const comma = text.indexOf(',');
  const timestamp = comma < 1 || comma > 11 ? Number.NaN : Number.parseInt(text.slice(0, comma), 36);
  return isTime(timestamp) ? { message: text.slice(comma + 1), timestamp, detail: undefined } : 'not_an_entry';
}

/** Whether the first character can begin a number in base 36: a digit, a lower-case letter or a minus. */
function beginsWithTime(text: string): boolean {
  const code = text.charCodeAt(0);
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 45;
}

/** Whether the entry has no detail, judging by its first character. */
export function isPlain(text: string): boolean {
  return text.charCodeAt(0) !== OPENING_BRACE;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && isTimestamp(value);
}

function decodeJson(text: string): EncodedEntry | Unreadable {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not written by this package.
    return 'not_an_entry';
  }
  const { t: timestamp, m: message, k: kind = 'text', l: log } = fields;
  if (!isTime(timestamp) || typeof message !== 'string') return 'not_an_entry';
  const known = ENTRY_KINDS.find((each) => each === kind);
  if (known === undefined || (log !== undefined && log !== 1)) return 'newer_version';
  if (Object.keys(fields).length === 2) return { message, timestamp, detail: undefined };
  const attributes = fields['a'];
  const severity = fields['n'];
  const detail = entryDetail({
    logType: log === 1 ? 'log' : 'chat',
    kind: known,
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
