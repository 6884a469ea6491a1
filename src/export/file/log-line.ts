import { bodyToText } from '../../entry/body.ts';
import type { JsonValue } from '../../entry/body.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import type { LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { escapeBracketed, escapeControls, escapeText } from '../../support/terminal-text.ts';
import { levelOf, lineAttributes, recordMillis, sessionIdOfRecord } from '../line-parts.ts';

type Scope = LogRecord['instrumentationScope'];

/**
 * Formats records as lines of the daily file: `2026-11-23T10:00:00.000Z INFO [session id] message
 * {"otel.scope.name":...,"attributes":{...}}`.
 *
 * The last ` {"otel.scope.name":` of a line begins its JSON: it cannot occur within JSON, whatever the values are. An
 * exception is among the attributes, its stack escaped as in JSON on the same line; it is there even without other
 * attributes.
 *
 * It caches what consecutive records share (time, session, scope), which saves most of the cost of a line.
 */
export class LineFormatter {
  readonly #hasAttributes: boolean;
  #millis = Number.NaN;
  #timestamp = '';
  #sessionId: string | undefined;
  #session = '';
  #scope: Scope | undefined;
  #scopeJson = '';

  /** @param hasAttributes Whether to write attributes other than those of an exception. */
  constructor(hasAttributes = true) {
    this.#hasAttributes = hasAttributes;
  }

  /** Returns the line without its line end. It contains no control characters. */
  format(record: LogRecord): string {
    const body: unknown = record.body;
    const message = escapeText(typeof body === 'string' ? body : bodyToText(body));
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
      this.#session = `[${escapeBracketed(sessionId)}]`;
      this.#sessionId = sessionId;
    }
    return this.#session;
  }

  /**
   * The fields that a format other than OTLP must contain,
   * https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/
   */
  #originOf(record: LogRecord): string {
    const scope = record.instrumentationScope;
    if (scope !== this.#scope) {
      this.#scopeJson = originJson(scope, undefined, 0);
      this.#scope = scope;
    }
    const dropped = record.droppedAttributesCount;
    const eventName = record.eventName;
    const isPlain = eventName === undefined && !(dropped > 0);
    const origin = isPlain ? this.#scopeJson : originJson(scope, eventName, dropped);
    const all = lineAttributes(record);
    if (all === undefined) return origin;
    const attributes = this.#hasAttributes ? all : exceptionIn(all);
    if (attributes === undefined) return origin;
    // Under a key of their own, so that none can imitate a part of the origin.
    return `${origin.slice(0, -1)},"attributes":${escapeControls(JSON.stringify(attributes))}}`;
  }
}

const EXCEPTION_NAMES = new Set<string>([
  ATTRIBUTE.exceptionType,
  ATTRIBUTE.exceptionMessage,
  ATTRIBUTE.exceptionStacktrace,
]);

function exceptionIn(attributes: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> | undefined {
  const own = Object.entries(attributes).filter(([name]) => EXCEPTION_NAMES.has(name));
  return own.length === 0 ? undefined : Object.fromEntries(own);
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
