import { escapeText } from '../../support/terminal-text.ts';
import type { CustomLineRule } from './custom-line-rule.ts';
import { asWritten, BEING_ERASED, brokenOff, readLine, tracesOf } from './written-line.ts';
import type { LineKind } from './written-line.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** The position of a line to erase. */
export interface FoundLine {
  readonly start: number;
  /** End of the line, before its line end. */
  readonly end: number;
  readonly kind: LineKind;
}

/** Distinguishes lines to be erased from all others. */
export class LineMatcher {
  readonly #isErased: (sessionId: string) => boolean;
  readonly #rule: CustomLineRule | undefined;
  /** Byte sequences, one of which occurs in each line to erase; `undefined` if every line has to be read. */
  readonly #traces: readonly Buffer[] | undefined;
  #id: Buffer | undefined;
  /** Whether a line was found that holds the id but does not show its session. */
  hasMetOther = false;

  /** Makes a matcher for files of unknown origin, which notes unreadable lines that hold the id. */
  static ofUnknownFiles(sessionId: string): LineMatcher {
    const matcher = LineMatcher.of(sessionId);
    matcher.#id = Buffer.from(escapeText(sessionId));
    return matcher;
  }

  /** @param rule Reads lines that are in neither format of this package. */
  static of(sessionId: string, rule?: CustomLineRule): LineMatcher {
    const written = asWritten(sessionId);
    const isErased = (id: string): boolean => id === sessionId || id === written;
    const traces = [...tracesOf(sessionId), Buffer.from([BEING_ERASED])];
    return new LineMatcher(isErased, rule, rule === undefined ? traces : undefined);
  }

  constructor(isErased: (sessionId: string) => boolean, rule?: CustomLineRule, traces?: readonly Buffer[]) {
    this.#isErased = isErased;
    this.#rule = rule;
    this.#traces = traces;
  }

  /** Whether the first bytes of a line, a few kilobytes at most, show its session. */
  get isToldByHead(): boolean {
    return this.#rule === undefined;
  }

  /** How the line will look when it is erased; `undefined` if it is of another session, or of none. */
  kindOf(line: string): LineKind | undefined {
    const read = this.#rule?.read(line) ?? readLine(line);
    return read?.sessionId !== undefined && this.#isErased(read.sessionId) ? read.kind : undefined;
  }

  /** Finds the lines to erase, in order. The last one may lack its end. */
  find(bytes: Buffer): FoundLine[] {
    const found: FoundLine[] = [];
    if (this.#id !== undefined) this.#lookForOthers(bytes, this.#id);
    for (const start of this.#candidates(bytes)) {
      const end = lineEnd(bytes, start);
      const line = bytes.subarray(start, end);
      const kind = brokenOff(line, this.#id === undefined) ?? this.kindOf(line.toString());
      if (kind !== undefined) found.push({ start, end, kind });
    }
    return found;
  }

  #lookForOthers(bytes: Buffer, id: Buffer): void {
    if (this.hasMetOther) return;
    this.hasMetOther = startsOfLinesWith(bytes, [id]).some(
      (start) => readLine(bytes.toString('utf8', start, lineEnd(bytes, start))) === undefined,
    );
  }

  #candidates(bytes: Buffer): number[] {
    return this.#traces === undefined ? lineStarts(bytes) : startsOfLinesWith(bytes, this.#traces);
  }
}

function startsOfLinesWith(bytes: Buffer, traces: readonly Buffer[]): number[] {
  const starts = new Set<number>();
  for (const trace of traces) {
    for (let at = bytes.indexOf(trace); at !== -1;) {
      starts.add(at === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, at - 1) + 1);
      const end = bytes.indexOf(LINE_FEED, at);
      at = end === -1 ? -1 : bytes.indexOf(trace, end);
    }
  }
  return [...starts].sort((a, b) => a - b);
}

function lineStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    starts.push(at);
    const end = bytes.indexOf(LINE_FEED, at);
    at = end === -1 ? bytes.length : end + 1;
  }
  return starts;
}

function lineEnd(bytes: Buffer, start: number): number {
  const feed = bytes.indexOf(LINE_FEED, start);
  if (feed === -1) return bytes.length;
  return bytes[feed - 1] === CARRIAGE_RETURN && feed > start ? feed - 1 : feed;
}
