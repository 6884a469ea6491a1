import { escapeBracketed, escapeControls } from '../../support/terminal-text.ts';
import { jsonText } from '../json-line.ts';

/**
 * Replaces one character of a line while the line is being erased: written lines have no control characters, so a line
 * that a killed process left half erased can be recognized, whatever else is in it.
 */
export const BEING_ERASED = 0x18;

const TIME_LENGTH = 24;
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
/** `2026-11-23T10:00:00.000Z INFO [id] ...`: no part can contain the character that ends it. */
const TEXT_HEAD = new RegExp(String.raw`^${TIME} [^ ]+ \[((?:[^\\\]]|\\u[\da-f]{4})+)\](?: |$)`);
/** The keys come in this order; quotes in texts are escaped. */
const JSON_TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const JSON_HEAD = new RegExp(
  String.raw`^\{"time":"${TIME}","level":${JSON_TEXT}(?:,"severity_number":(?:${JSON_TEXT}|[^",]+))?(?:,"severity_text":(?:${JSON_TEXT}|[^",]+))?,"session_id":(${JSON_TEXT})`,
);
/** The text before {@link BEING_ERASED}. */
const TEXT_MARKED = new RegExp(`^${TIME}`);
const JSON_MARKED = new RegExp(String.raw`^\{"time":"${TIME}"$`);
const JSON_TIME_START = '{"time":"'.length;
const ESCAPED = /\\u([\da-f]{4})/g;

/** Stands for the session in lines of records without one. */
const NO_SESSION = '-';

/** How an erased line looks. It has as many bytes as before and is still a line of its kind. */
export interface LineKind {
  /** The position of {@link BEING_ERASED} meanwhile, and the character that it replaces. */
  readonly markAt: number;
  readonly marked: string;
  /** What follows that character: the first of these that fits, then spaces. */
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

/** An erased line of a function of the application: a JSON object. */
export const OTHER_JSON_LINE: LineKind = { markAt: 0, marked: '{', rests: ['"erased":true}', '}'] };
export const OTHER_LINE: LineKind = { markAt: 0, marked: ' ', rests: [] };

/** The kind and the session of a line of a daily file. */
export interface WrittenLine {
  readonly kind: LineKind;
  /** `undefined` if the line belongs to no session. */
  readonly sessionId: string | undefined;
}

/**
 * Reads a line of text or JSON; `undefined` for any other. The line need not be complete: a full disk or a kill may
 * have cut it.
 */
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

/** Whether lines of text distinguish the session from records without any. */
export function isToldByText(sessionId: string): boolean {
  return sessionId !== NO_SESSION;
}

/** Byte sequences, one of which occurs in each line of text or JSON of the session: other lines need not be read. */
export function tracesOf(sessionId: string): Buffer[] {
  const texts = [`[${escapeBracketed(sessionId)}]`, `"session_id":${escapeControls(jsonText(sessionId))}`];
  return texts.map((text) => Buffer.from(text));
}

/** The id as a file can hold it: UTF-8 has no lone surrogates. */
export function asWritten(sessionId: string): string {
  return Buffer.from(sessionId).toString();
}

/**
 * The kind of a line whose erasure was interrupted; `undefined` for any other line.
 *
 * @param isOurs Whether the file is a daily file. Others, such as a backup with a date in its name, may hold any bytes.
 */
export function brokenOff(line: Buffer, isOurs: boolean): LineKind | undefined {
  if (line[TEXT.markAt] === BEING_ERASED && TEXT_MARKED.test(startOf(line))) return TEXT;
  if (line[JSON_LINE.markAt] === BEING_ERASED && JSON_MARKED.test(startOf(line))) return JSON_LINE;
  return isOurs && line[0] === BEING_ERASED ? OTHER_LINE : undefined;
}

function startOf(line: Buffer): string {
  return line.toString('latin1', 0, JSON_LINE.markAt);
}

/** Returns what follows the marked character in an erased line of this many bytes, without its line end. */
export function restOf({ markAt, rests }: LineKind, length: number): Buffer {
  const room = Math.max(0, length - markAt - 1);
  return Buffer.from((rests.find((rest) => rest.length <= room) ?? '').padEnd(room));
}
