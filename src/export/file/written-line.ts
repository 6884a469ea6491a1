import { escapeBracketed, escapeControls } from '../../support/terminal-text.ts';
import { jsonText } from '../json-line.ts';

/**
 * Stands in a line for one character while the line is being erased: no line that was written has a control character, so
 * one that a killed process has left is known, whatever else is in it.
 */
export const BEING_ERASED = 0x18;

const TIME_LENGTH = 24;
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
/** `2026-11-23T10:00:00.000Z INFO [id] ...`: no part of it can hold what ends it. */
const TEXT_HEAD = new RegExp(String.raw`^${TIME} [^ ]+ \[((?:[^\\\]]|\\u[\da-f]{4})+)\](?: |$)`);
/** The keys stand in this order; texts have their quotes escaped. */
const JSON_TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const JSON_HEAD = new RegExp(
  String.raw`^\{"time":"${TIME}","level":${JSON_TEXT}(?:,"severity_number":(?:${JSON_TEXT}|[^",]+))?(?:,"severity_text":(?:${JSON_TEXT}|[^",]+))?,"session_id":(${JSON_TEXT})`,
);
/** What stands in front of {@link BEING_ERASED}. */
const TEXT_MARKED = new RegExp(`^${TIME}`);
const JSON_MARKED = new RegExp(String.raw`^\{"time":"${TIME}"$`);
const JSON_TIME_START = '{"time":"'.length;
const ESCAPED = /\\u([\da-f]{4})/g;

/** The part of a line that tells the session of a record without one. */
const NO_SESSION = '-';

/** How a line looks whose text is gone. It has as many bytes as before, and is still a line of its kind. */
export interface LineKind {
  /** Where {@link BEING_ERASED} stands meanwhile, and in place of which character. */
  readonly markAt: number;
  readonly marked: string;
  /** What comes after that character: the first of these that has room, and then spaces. */
  readonly rests: readonly string[];
}

const TEXT: LineKind = {
  markAt: TIME_LENGTH,
  marked: ' ',
  rests: [
    'INFO [-] erased {"otel.scope.name":""}',
    'INFO [-]  {"otel.scope.name":""}',
    '- [-]  {"otel.scope.name":""}',
    '- [-] ',
  ],
};

const JSON_LINE: LineKind = {
  markAt: JSON_TIME_START + TIME_LENGTH + 1,
  marked: ',',
  rests: ['"level":"INFO","message":"erased","scope":{"name":""}}', '"level":"-","message":""}', '"erased":1}'],
};

/** Of a function of the application: an object, or nothing. */
export const OTHER_JSON_LINE: LineKind = { markAt: 0, marked: '{', rests: ['"erased":true}', '}'] };
export const OTHER_LINE: LineKind = { markAt: 0, marked: ' ', rests: [] };

/** A line of a daily file, as far as it tells whose it is. */
export interface WrittenLine {
  readonly kind: LineKind;
  /** `undefined`: that of none. */
  readonly sessionId: string | undefined;
}

/** What a line of text or JSON says; `undefined` for any other. It need not be whole: a full disk or a kill may have cut it. */
export function readLine(line: string): WrittenLine | undefined {
  if (line.charCodeAt(0) === 123) {
    const id = JSON_HEAD.exec(line)?.[1];
    return id === undefined ? undefined : { kind: JSON_LINE, sessionId: JSON.parse(id) as string };
  }
  const id = TEXT_HEAD.exec(line)?.[1];
  if (id === undefined) return undefined;
  const sessionId = id === NO_SESSION ? undefined : id.replace(ESCAPED, (_, code: string) => characterOf(code));
  return { kind: TEXT, sessionId };
}

function characterOf(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 16));
}

/** Whether lines of text tell the session from records without any. */
export function isToldByText(sessionId: string): boolean {
  return sessionId !== NO_SESSION;
}

/** Bytes that stand in each line of text or JSON of the session: lines without them need not be read. */
export function tracesOf(sessionId: string): Buffer[] {
  const texts = [`[${escapeBracketed(sessionId)}]`, `"session_id":${escapeControls(jsonText(sessionId))}`];
  return texts.map((text) => Buffer.from(text));
}

/** The id as a file can hold it: UTF-8 has no halves of surrogate pairs. */
export function asWritten(sessionId: string): string {
  return Buffer.from(sessionId).toString();
}

/**
 * The kind of a line whose erasure was broken off; `undefined` for any other line.
 *
 * @param isOurs The file is one of daily lines. Others, such as a backup with a date in its name, may hold any bytes.
 */
export function brokenOff(line: Buffer, isOurs: boolean): LineKind | undefined {
  if (line[TEXT.markAt] === BEING_ERASED && TEXT_MARKED.test(startOf(line))) return TEXT;
  if (line[JSON_LINE.markAt] === BEING_ERASED && JSON_MARKED.test(startOf(line))) return JSON_LINE;
  return isOurs && line[0] === BEING_ERASED ? OTHER_LINE : undefined;
}

function startOf(line: Buffer): string {
  return line.toString('latin1', 0, JSON_LINE.markAt);
}

/** What stands behind the marked character of an erased line of so many bytes, without its line end. */
export function restOf({ markAt, rests }: LineKind, length: number): Buffer {
  const room = Math.max(0, length - markAt - 1);
  return Buffer.from((rests.find((rest) => rest.length <= room) ?? '').padEnd(room));
}
