import { randomBytes } from 'node:crypto';

import type { JsonValue } from '../../entry/body.ts';
import { catchRejection } from '../../support/reporter.ts';
import { escapeText } from '../../support/terminal-text.ts';
import type { LineFormat, LineRecord } from './custom-format.ts';
import { OTHER_JSON_LINE, OTHER_LINE } from './written-line.ts';
import type { WrittenLine } from './written-line.ts';

/** Reads the session from lines that a function of the application made. */
export interface CustomLineRule {
  read(line: string): WrittenLine | undefined;
  /** Whether lines of this session can be distinguished from all others. */
  tells(sessionId: string): boolean;
}

/** How deep an object of a line is searched for the session. */
const MAX_DEPTH = 4;
const TIMESTAMPS = ['2001-02-03T04:05:06.789Z', '2012-10-11T20:30:40.500Z'] as const;
const LEVELS = ['CHAT', 'ERROR'] as const;
const SEVERITIES = [
  ['CHAT', undefined],
  ['TRACE', 1],
  ['DEBUG', 5],
  ['INFO', 9],
  ['WARN', 13],
  ['ERROR', 17],
  ['FATAL', 21],
] as const;
/** Long, because a function may cut its lines. */
const LONG_TEXT = 'x'.repeat(16_384);

interface Probe {
  readonly record: LineRecord;
  readonly line: string;
}

/**
 * Finds out where a function's lines show their session, by asking it for lines of made-up records. In JSON objects,
 * the session has to be the value of a key; in other lines, a text that nothing from the application precedes and that
 * the same character always follows. `undefined` if the lines do not show it in a way that nobody can forge.
 */
export function ruleOfFormat(format: LineFormat): CustomLineRule | undefined {
  const probes: Probe[] = [];
  for (const [index, level] of LEVELS.entries()) {
    for (const timestamp of TIMESTAMPS) {
      const record = madeUp(level, timestamp, index === 0 ? undefined : 17);
      const line = lineOf(format, record);
      if (line === undefined) return undefined;
      probes.push({ record, line });
    }
  }
  const rule = jsonRule(probes) ?? textRule(probes);
  if (rule === undefined) return undefined;
  return {
    read: (line) => rule.read(line),
    tells: (sessionId) => rule.tells(sessionId) && isTrueFor(sessionId, format, rule),
  };
}

/**
 * Asks for lines of the session, and for lines of others whose texts imitate them: the rule has to distinguish both. A
 * text that stands for no session, such as `-`, is not a session that can be erased.
 */
function isTrueFor(sessionId: string, format: LineFormat, rule: CustomLineRule): boolean {
  const [timestamp] = TIMESTAMPS;
  const alike = [`${sessionId}x`, sessionId.toUpperCase(), sessionId.toLowerCase()].filter((id) => id !== sessionId);
  return SEVERITIES.every(([level, severityNumber]) => {
    const plain = { ...madeUp(level, timestamp, severityNumber), sessionId };
    const line = lineOf(format, plain);
    if (line === undefined || rule.read(line)?.sessionId !== sessionId) return false;
    const texts = [line, line.slice(Math.max(0, line.indexOf(sessionId)))];
    const { attributes } = plain;
    const own = imitated(plain, LONG_TEXT, { ...attributes, ...keysOf(line, sessionId, 'other') });
    const ofOwn = lineOf(format, own);
    if (ofOwn === undefined || rule.read(ofOwn)?.sessionId !== sessionId) return false;
    return texts.every((text) =>
      [undefined, plain.scope.name, ...alike].every((other) => {
        const forged = imitated({ ...plain, sessionId: other }, text, {
          ...attributes,
          text,
          ...keysOf(line, sessionId, sessionId),
        });
        const ofOther = lineOf(format, forged);
        return ofOther !== undefined && rule.read(ofOther)?.sessionId !== sessionId;
      }),
    );
  });
}

function imitated(record: LineRecord, text: string, attributes: LineRecord['attributes']): LineRecord {
  return { ...record, message: text, body: text, eventName: text, attributes };
}

/** Returns the keys under which a JSON line shows the text, with another text as their values. */
function keysOf(line: string, text: string, other: string): Record<string, JsonValue> {
  const keys: [string, JsonValue][] = pathsTo(objectIn(line), text).flatMap((path): [string, JsonValue][] => [
    [path.at(-1) as string, other],
    [path[0] as string, path.slice(1).reduceRight<JsonValue>((value, key) => ({ [key]: value }), other)],
  ]);
  return Object.fromEntries(keys);
}

/** The rule that the application gives. */
export function givenRule(sessionOfLine: (line: string) => unknown): CustomLineRule {
  return {
    read(line) {
      const sessionId = sessionOfLine(line);
      return typeof sessionId === 'string' ? { kind: kindOf(line), sessionId } : undefined;
    },
    tells: () => true,
  };
}

function kindOf(line: string): WrittenLine['kind'] {
  return line.startsWith('{') ? OTHER_JSON_LINE : OTHER_LINE;
}

function madeUp(level: string, timestamp: string, severityNumber: number | undefined): LineRecord {
  const word = (): string => randomBytes(9).toString('hex');
  const message = word();
  return Object.freeze({
    timestamp,
    level,
    severityNumber,
    sessionId: word(),
    message,
    body: message,
    attributes: Object.freeze({ attribute: word() }),
    eventName: undefined,
    scope: Object.freeze({ name: word(), version: undefined }),
    traceId: undefined,
    spanId: undefined,
  });
}

function lineOf(format: LineFormat, record: LineRecord): string | undefined {
  try {
    const line: unknown = format(record);
    catchRejection(line, () => {});
    return typeof line === 'string' ? escapeText(line.replace(/\r?\n$/, '')) : undefined;
  } catch {
    // Records for which it throws are written as text.
    return undefined;
  }
}

function jsonRule(probes: readonly Probe[]): CustomLineRule | undefined {
  const paths = probes.map(({ record, line }) => pathsTo(objectIn(line), record.sessionId as string));
  const path = paths[0]?.find((each) => paths.every((others) => others.some((other) => isSame(each, other))));
  if (path === undefined) return undefined;
  return {
    read(line) {
      let value: unknown = objectIn(line);
      for (const key of path) value = fieldOf(value, key);
      return typeof value === 'string' ? { kind: OTHER_JSON_LINE, sessionId: value } : undefined;
    },
    tells: () => true,
  };
}

function objectIn(line: string): unknown {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    // The line is not JSON, or was cut.
    return undefined;
  }
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** The keys that lead to the text. */
function pathsTo(value: unknown, text: string, depth = 0): string[][] {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return [];
  return Object.entries(value).flatMap(([key, field]) =>
    field === text ? [[key]] : pathsTo(field, text, depth + 1).map((path) => [key].concat(path)),
  );
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}

function textRule(probes: readonly Probe[]): CustomLineRule | undefined {
  const heads = probes.map(({ record, line }) => {
    const at = line.indexOf(record.sessionId as string);
    if (at === -1) return undefined;
    const before = line.slice(0, at);
    const delimiter = line.charAt(at + (record.sessionId as string).length);
    const pattern = escapeForPattern(before)
      .replaceAll(escapeForPattern(record.timestamp), String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)
      .replaceAll(record.level, '[^ ]+')
      // A level may be padded to a width.
      .replace(/\[\^ \]\+ +/g, '[^ ]+ +');
    return { pattern, delimiter };
  });
  const [first] = heads;
  // Text from the application would make these differ, because it differs in each.
  if (first === undefined || first.delimiter === '' || first.delimiter === '\\') return undefined;
  if (!heads.every((head) => head?.pattern === first.pattern && head.delimiter === first.delimiter)) return undefined;
  const end = escapeForPattern(first.delimiter);
  const head = new RegExp(`^${first.pattern}(?<id>.+?)${end}`);
  return {
    read(line) {
      const id = head.exec(line)?.groups?.['id'];
      return id === undefined ? undefined : { kind: OTHER_LINE, sessionId: id };
    },
    tells: (sessionId) => !sessionId.includes(first.delimiter) && escapeText(sessionId) === sessionId,
  };
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
