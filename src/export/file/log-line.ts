import { wholeAttribute } from '../../attribute-limits.ts';
import { bodyToText } from '../../entry/body.ts';
import { routedRecordOf } from '../../entry/routed-record.ts';
import { isSessionId } from '../../entry/session-id.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import { hrTimeToMillis } from '../../otel/log-record.ts';
import type { HrTime, LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';

// Control characters with DEL and the C1 block, and the two line separators of Unicode: what could end a line, or
// drive the terminal of who reads the file.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const EVERY_CONTROL = new RegExp(CONTROL, 'g');

/** Text in which every control character is written as `\uXXXX`: no message can forge a line of its own. */
export function escapeControls(text: string): string {
  return CONTROL.test(text) ? text.replace(EVERY_CONTROL, escapeControl) : text;
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `INFO`, `WARN`, ... of a record with a severity, its text when it has no number, `CHAT` without either. */
export function levelOf(record: Pick<LogRecord, 'severityNumber' | 'severityText'>): string {
  const named = LEVELS[record.severityNumber ?? 0];
  if (named !== undefined) return named;
  const text = record.severityText;
  // A level is one word: what stands between two spaces of the line.
  if (typeof text === 'string' && text !== '') return escapeControls(text).replaceAll(' ', '_');
  return 'CHAT';
}

const LEVELS: readonly (string | undefined)[] = [
  undefined,
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [name, name, name, name]),
];

/** The last instant that has a four-digit year. */
const LAST_MILLIS = 253_402_300_799_999;

/** Milliseconds of the record's Timestamp, else of its ObservedTimestamp (0 means unknown in OTLP), else now. */
export function recordMillis(record: Pick<LogRecord, 'hrTime' | 'hrTimeObserved'>): number {
  return usableMillis(record.hrTime) ?? usableMillis(record.hrTimeObserved) ?? Date.now();
}

function usableMillis(time: HrTime | undefined): number | undefined {
  if (time === undefined) return undefined;
  const millis = Math.floor(hrTimeToMillis(time));
  return millis > 0 && millis <= LAST_MILLIS ? millis : undefined;
}

/** The session that the record's attributes tell, whole where the SDK's limits took a part of it; `undefined` for none. */
export function sessionIdOfRecord(record: LogRecord): string | undefined {
  const id = wholeAttribute(
    record,
    ATTRIBUTE.sessionId,
    record.attributes[ATTRIBUTE.sessionId],
    routedRecordOf(record)?.sessionId,
  );
  return isSessionId(id) ? id : undefined;
}

type Scope = LogRecord['instrumentationScope'];

/**
 * Records as lines of the daily file:
 * `2026-11-23T10:00:00.000Z INFO [session id] message {"otel.scope.name":...}`.
 *
 * Keeps what consecutive records share (the instant, the session, the scope), which is most of what a line costs.
 */
export class LineFormatter {
  #millis = Number.NaN;
  #timestamp = '';
  #sessionId: string | undefined;
  #session = '';
  #scope: Scope | undefined;
  #scopeJson = '';

  /** The line, without its line end; it holds no control character. */
  format(record: LogRecord): string {
    const body: unknown = record.body;
    const message = escapeControls(typeof body === 'string' ? body : bodyToText(body));
    return `${this.#timestampOf(record)} ${levelOf(record)} ${this.#sessionOf(record)} ${message} ${this.#originOf(record)}`;
  }

  #timestampOf(record: LogRecord): string {
    const millis = recordMillis(record);
    if (millis !== this.#millis) {
      this.#timestamp = isoTimestamp(millis);
      this.#millis = millis;
    }
    return this.#timestamp;
  }

  #sessionOf(record: LogRecord): string {
    const sessionId = sessionIdOfRecord(record);
    if (sessionId === undefined) return '[-]';
    if (sessionId !== this.#sessionId) {
      this.#session = `[${escapeControls(sessionId)}]`;
      this.#sessionId = sessionId;
    }
    return this.#session;
  }

  /** What output other than OTLP must carry, https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/ */
  #originOf(record: LogRecord): string {
    const scope = record.instrumentationScope;
    if (scope !== this.#scope) {
      this.#scopeJson = originJson(scope, undefined, 0);
      this.#scope = scope;
    }
    const dropped = record.droppedAttributesCount;
    const eventName = record.eventName;
    if (eventName === undefined && !(dropped > 0)) return this.#scopeJson;
    return originJson(scope, eventName, dropped);
  }
}

function originJson(scope: Scope, eventName: string | undefined, dropped: number): string {
  const json = JSON.stringify({
    'otel.scope.name': scope.name,
    'otel.scope.version': scope.version,
    'otel.event.name': eventName,
    'otel.dropped_attributes_count': dropped > 0 ? dropped : undefined,
  });
  return escapeControls(json);
}
