import { closeSync, constants, fdatasync, fstatSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

import { nextTurn, sleep } from '../../support/timers.ts';
import { openPlainFile } from '../plain-file.ts';
import type { FoundLine, LineMatcher } from './line-matcher.ts';
import { BEING_ERASED, restOf } from './written-line.ts';
import type { LineKind } from './written-line.ts';

const LINE_FEED = 10;
const CHUNK_BYTES = 1024 * 1024;
const LINES_PER_TURN = 1_000;
/** The most lines that are handled at once, plus those of a chunk. */
const LINES_PER_GROUP = 16_384;
const LONG_LINE_BYTES = 1024 * 1024;
/** How long to wait for the end of a line, which another process may be writing. */
const UNFINISHED_MILLIS = 60;

const sync = promisify(fdatasync);

/**
 * Erases lines of a file in place, because other processes append to it. Erased lines keep their length and become
 * lines without session and text.
 *
 * A line is first marked, then overwritten, then unmarked. Each step is done for thousands of lines, and is on the
 * disk, before the next begins. So if the process is killed at any time, each line either still shows its session or is
 * marked, and any later erasure finishes it.
 *
 * @param upTo Lines that begin after this position are left alone.
 * @returns The number of lines. Rejects with the error of the file system.
 */
export async function eraseLines(path: string, upTo: number, matcher: LineMatcher): Promise<number> {
  const { fd } = openPlainFile(path, constants.O_RDWR);
  try {
    let count = 0;
    for await (const lines of findLines(fd, upTo, matcher)) {
      await step(fd, lines, ({ start, kind }) => writeSync(fd, Buffer.from([BEING_ERASED]), 0, 1, start + kind.markAt));
      await step(fd, lines, (line) => overwrite(fd, line));
      await step(fd, lines, ({ start, kind }) => writeSync(fd, kind.marked, start + kind.markAt));
      count += lines.length;
    }
    return count;
  } finally {
    closeSync(fd);
  }
}

/**
 * Erases lines that this process has just written, at once.
 *
 * @param from Where it began to write.
 * @param written The lines that it wrote; what others wrote meanwhile stays.
 */
export function eraseOwnLines(path: string, from: number, written: ReadonlySet<string>, matcher: LineMatcher): number {
  const { fd, stats } = openPlainFile(path, constants.O_RDWR);
  try {
    const start = Math.min(from, stats.size);
    const bytes = Buffer.allocUnsafe(stats.size - start);
    const tail = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start));
    const lines = matcher.find(tail).filter((line) => written.has(tail.toString('utf8', line.start, line.end)));
    for (const line of lines) overwrite(fd, { ...line, start: start + line.start, end: start + line.end });
    return lines.length;
  } finally {
    closeSync(fd);
  }
}

async function step(fd: number, lines: readonly FoundLine[], change: (line: FoundLine) => void): Promise<void> {
  for (const [index, line] of lines.entries()) {
    change(line);
    if (index % LINES_PER_TURN === LINES_PER_TURN - 1) await turn();
  }
  await sync(fd);
}

function overwrite(fd: number, { start, end, kind }: FoundLine): void {
  const rest = restOf(kind, end - start);
  for (let written = 0; written < rest.length;) {
    written += writeSync(fd, rest, written, rest.length - written, start + kind.markAt + 1 + written);
  }
}

/** Finds the lines, a few thousand at a time. Memory is limited, however large the file or a line is. */
async function* findLines(fd: number, upTo: number, matcher: LineMatcher): AsyncGenerator<readonly FoundLine[]> {
  let found: FoundLine[] = [];
  const open = new OpenLine(matcher);
  let at = 0;
  while (at < upTo) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, upTo - at));
    const length = readSync(fd, chunk, 0, chunk.length, at);
    if (length === 0) break;
    const bytes = chunk.subarray(0, length);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      const first = bytes.indexOf(LINE_FEED) + 1;
      found = found.concat(open.finish(at, bytes.subarray(0, first)));
      found = found.concat(shifted(matcher.find(bytes.subarray(first, end)), at + first));
      open.begin(at + end);
    }
    open.add(bytes.subarray(end));
    at += length;
    if (found.length >= LINES_PER_GROUP) {
      yield found;
      found = [];
    }
    await turn();
  }
  if (open.isMeant()) {
    found = found.concat(shifted(matcher.find(await wholeLine(fd, open.start, at - open.start)), open.start));
  }
  if (found.length > 0) yield found;
}

/** A line whose end was not read yet. Of a long one only the head is kept, if that shows the session. */
class OpenLine {
  start = 0;
  readonly #matcher: LineMatcher;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Its kind, once the head has shown it. */
  #told: { readonly kind: LineKind | undefined } | undefined;

  constructor(matcher: LineMatcher) {
    this.#matcher = matcher;
  }

  begin(start: number): void {
    this.start = start;
    this.#parts = [];
    this.#bytes = 0;
    this.#told = undefined;
  }

  add(bytes: Buffer): void {
    // Called because it also notes lines of others.
    if (this.#told !== undefined) this.#matcher.find(bytes);
    else if (bytes.length > 0) {
      this.#parts.push(bytes);
      this.#bytes += bytes.length;
      if (this.#bytes < LONG_LINE_BYTES || !this.#matcher.isToldByHead) return;
      this.#told = { kind: this.#matcher.find(Buffer.concat(this.#parts))[0]?.kind };
      this.#parts = [];
    }
  }

  /** @param rest The bytes that end the line, which begin at `at` in the file. */
  finish(at: number, rest: Buffer): FoundLine[] {
    if (this.#told === undefined) {
      return shifted(this.#matcher.find(Buffer.concat([...this.#parts, rest])), this.start);
    }
    this.add(rest);
    const { kind } = this.#told;
    // A carriage return before the line feed, from another system, becomes a space.
    return kind === undefined ? [] : [{ start: this.start, end: at + rest.length - 1, kind }];
  }

  isMeant(): boolean {
    return this.#told === undefined
      ? this.#matcher.find(Buffer.concat(this.#parts)).length > 0
      : this.#told.kind !== undefined;
  }
}

/** Returns the unfinished line that begins at `start`, once it has not grown for a while. */
async function wholeLine(fd: number, start: number, length: number): Promise<Buffer> {
  let known = length;
  for (;;) {
    await sleep(UNFINISHED_MILLIS);
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(size - start);
    readSync(fd, bytes, 0, bytes.length, start);
    const end = bytes.indexOf(LINE_FEED) + 1;
    if (end > 0) return bytes.subarray(0, end);
    if (bytes.length === known) return bytes;
    known = bytes.length;
  }
}

function shifted(lines: readonly FoundLine[], by: number): FoundLine[] {
  return lines.map(({ start, end, kind }) => ({ start: start + by, end: end + by, kind }));
}

function turn(): Promise<void> {
  return new Promise((resolve) => void nextTurn(resolve));
}
