import { escapeText } from '../../support/terminal-text.ts';
import type { CustomLineRule } from './custom-line-rule.ts';
import { asWritten, BEING_ERASED, brokenOff, readLine, tracesOf } from './written-line.ts';
import type { LineKind } from './written-line.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** A line that is to be erased, in some bytes. */
export interface FoundLine {
  readonly start: number;
  /** Before its line end. */
  readonly end: number;
  readonly kind: LineKind;
}

/** Tells the lines that are to be erased from all others. */
export class LineMatcher {
  readonly #isErased: (sessionId: string) => boolean;
  readonly #rule: CustomLineRule | undefined;
  /** Bytes of which one stands in each line that is meant; `undefined`: each line has to be read. */
  readonly #traces: readonly Buffer[] | undefined;
  #id: Buffer | undefined;
  /** A line was met that holds the id, and of which cannot be told whose it is. */
  hasMetOther = false;

  /** For files of which it is not known who wrote them: lines that hold the id and cannot be read are noted. */
  static ofUnknownFiles(sessionId: string): LineMatcher {
    const matcher = LineMatcher.of(sessionId);
    matcher.#id = Buffer.from(escapeText(sessionId));
    return matcher;
  }

  /** @param rule How lines are read that are neither text nor JSON of ours. */
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

  /** Whether the first bytes of a line, some kilobytes at most, say whose it is. */
  get isToldByHead(): boolean {
    return this.#rule === undefined;
  }

  /** How the line looks afterwards; `undefined`: it is of another session, or of none. */
  kindOf(line: string): LineKind | undefined {
    const read = this.#rule?.read(line) ?? readLine(line);
    return read?.sessionId !== undefined && this.#isErased(read.sessionId) ? read.kind : undefined;
  }

  /** The lines that are meant, in order. The last one may lack its end. */
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
