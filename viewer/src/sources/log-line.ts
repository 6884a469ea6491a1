import { ATTRIBUTE, ownText } from '../formats.ts';
import { logData, NO_ORIGIN } from '../model/log-data.ts';
import type { LogData, Origin } from '../model/log-data.ts';
import { boundedText, MAX_DEPTH, MAX_FIELDS, setField, TRUNCATED } from '../model/value.ts';
import type { Value } from '../model/value.ts';
import { hexId, MalformedJsonError, readLogs } from '../otlp/json.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads lines of log files: the daily file in its text and JSON form, lines of stdout in its plain form, and OTLP JSON as the
 * Collector's file exporter and `otel-session-logs spool --export` write it.
 */
export class LogLineReader {
  #origins = new Map<string, Origin>();

  /** The records of a line; `undefined` if it has none of these forms. */
  read(line: string): readonly LogData[] | undefined {
    if (line.startsWith('{')) return this.#readJson(line);
    const record = this.#readText(line);
    return record === undefined ? undefined : [record];
  }

  /** Whether a line without a line end is a whole record: its JSON ends there. */
  isWhole(line: string): boolean {
    if (!line.endsWith('}')) return false;
    const begin = line.startsWith('{') ? 0 : line.lastIndexOf(ORIGIN_BEGIN) + 1;
    return (begin > 0 || line.startsWith('{')) && jsonFields(line.slice(begin)) !== undefined;
  }

  #readJson(line: string): readonly LogData[] | undefined {
    const value = jsonFields(line);
    if (value === undefined) return undefined;
    if (Array.isArray(value['resourceLogs'])) return otlpRecords(value);
    const record = this.#ofJsonLine(value);
    return record === undefined ? undefined : [record];
  }

  /** docs/daily-file.md lists the keys. */
  #ofJsonLine(line: Fields): LogData | undefined {
    const { time, level, message, session_id: sessionId, scope, exception } = line;
    const millis = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    if (Number.isNaN(millis) || typeof message !== 'string') return undefined;
    const attributes: Record<string, Value> = {};
    if (typeof sessionId === 'string') attributes[ATTRIBUTE.sessionId] = sessionId;
    addFields(attributes, line['attributes']);
    if (isFields(exception)) {
      addText(attributes, ATTRIBUTE.exceptionType, exception['type']);
      addText(attributes, ATTRIBUTE.exceptionMessage, exception['message']);
      addText(attributes, ATTRIBUTE.exceptionStacktrace, exception['stacktrace']);
    }
    const severityNumber = numberOf(line['severity_number']);
    return logData({
      millis,
      severityNumber,
      severityText: severityTextOf(textOf(line['severity_text']), textOf(level)),
      eventName: textOf(line['event_name']),
      body: line['body'] === undefined ? boundedText(message) : toValue(line['body'], 0),
      attributes,
      droppedAttributes: numberOf(line['dropped_attributes_count']),
      traceId: hexId(line['trace_id'], 32),
      spanId: hexId(line['span_id'], 16),
      flags: Number.parseInt(textOf(line['trace_flags']), 16) || 0,
      origin: isFields(scope) ? this.#origin(textOf(scope['name']), textOf(scope['version'])) : NO_ORIGIN,
    });
  }

  #readText(line: string): LogData | undefined {
    const head = TEXT_HEAD.exec(line);
    if (head === null) return undefined;
    const [begin, time = '', level = '', session = '-'] = head;
    const millis = Date.parse(time);
    if (Number.isNaN(millis)) return undefined;
    const end = line.lastIndexOf(ORIGIN_BEGIN);
    const origin = end < begin.length - 1 ? undefined : jsonFields(line.slice(end + 1));
    const message = origin === undefined ? line.slice(begin.length) : line.slice(begin.length, end);
    const attributes: Record<string, Value> = {};
    if (session !== '-') attributes[ATTRIBUTE.sessionId] = ownText(unescapeAll(session));
    addFields(attributes, origin?.['attributes']);
    return logData({
      millis,
      severityNumber: severityOfLevel(level),
      severityText: level === 'CHAT' ? '' : ownText(level),
      eventName: textOf(origin?.['otel.event.name']),
      // A copy: the line is a slice of all that was read at once, and would keep that in memory.
      body: ownText(boundedText(unescapeControls(message))),
      attributes,
      droppedAttributes: numberOf(origin?.['otel.dropped_attributes_count']),
      origin:
        origin === undefined
          ? NO_ORIGIN
          : this.#origin(textOf(origin['otel.scope.name']), textOf(origin['otel.scope.version'])),
    });
  }

  /** One object for all records of a scope. */
  #origin(scopeName: string, scopeVersion: string): Origin {
    const key = `${scopeName}\n${scopeVersion}`;
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const origin: Origin = { ...NO_ORIGIN, scopeName, scopeVersion };
    // Session logs have few scopes; a file of another program may have a new one in each line.
    if (this.#origins.size < 1_000) this.#origins.set(key, origin);
    return origin;
  }
}

/** `2026-11-23T10:00:00.000Z INFO [session id] message {"otel.scope.name":...}` */
const TEXT_HEAD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S+) +\[([^\]]*)\] /;
/** Neither a message nor a value can contain it. */
const ORIGIN_BEGIN = ' {"otel.scope.name":';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

function severityOfLevel(level: string): number {
  const place = LEVELS.indexOf(level);
  return place === -1 ? 0 : place * 4 + 1;
}

function severityTextOf(text: string, level: string): string {
  if (text !== '') return text;
  return level === 'CHAT' ? '' : level;
}

function otlpRecords(request: Fields): readonly LogData[] | undefined {
  try {
    return readLogs(request).records;
  } catch (error) {
    if (error instanceof MalformedJsonError) return undefined;
    throw error;
  }
}

function jsonFields(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    // The line is cut, or is text that looks like JSON.
    return undefined;
  }
}

const ESCAPE = /\\u([\da-f]{4})/g;

/** Undoes all escapes: in the session's column the writer escapes every backslash. */
function unescapeAll(text: string): string {
  return text.includes('\\')
    ? text.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
}

/**
 * Undoes the escapes of control characters: the writer escapes no others in a message, so any other `\uXXXX` is part of the text.
 */
function unescapeControls(text: string): string {
  if (!text.includes('\\u')) return text;
  return text.replace(ESCAPE, (found, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return CONTROL.test(character) ? character : found;
  });
}

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

function addFields(owner: Record<string, Value>, fields: unknown): void {
  if (!isFields(fields)) return;
  for (const [key, value] of Object.entries(fields).slice(0, MAX_FIELDS)) setField(owner, key, toValue(value, 1));
}

function addText(owner: Record<string, Value>, key: string, value: unknown): void {
  if (value !== undefined) owner[key] = toValue(value, 1);
}

/** A value of `JSON.parse`, or of the SDK, cut to the bounds. */
export function toValue(value: unknown, depth: number): Value {
  switch (typeof value) {
    case 'string':
      return boundedText(value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : ofObject(value, depth);
    default:
      return null;
  }
}

function ofObject(value: object, depth: number): Value {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (depth > MAX_DEPTH) return TRUNCATED;
  if (Array.isArray(value)) return value.slice(0, MAX_FIELDS).map((part) => toValue(part, depth + 1));
  const copy: Record<string, Value> = {};
  for (const [key, part] of Object.entries(value).slice(0, MAX_FIELDS)) setField(copy, key, toValue(part, depth + 1));
  return copy;
}

/** The fields of an object as attributes, cut to the bounds. */
export function toAttributes(value: object): Record<string, Value> {
  const copy: Record<string, Value> = {};
  for (const [key, part] of Object.entries(value).slice(0, MAX_FIELDS)) setField(copy, key, toValue(part, 1));
  return copy;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
