import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { ErasedPart } from '../../entry/erasure.ts';
import type { Reporter } from '../../support/reporter.ts';
import { hostOf } from '../owner-host.ts';
import { giveTo, openPlainFile } from '../plain-file.ts';
import { momentNow, wasBefore } from './same-clock.ts';
import type { Moment } from './same-clock.ts';

/** The file of marks in a directory of daily files and in the root of a spool. */
const MARKS_NAME = '.erasures';

const VERSION = 1;
/** A larger file is rewritten without old marks. */
const MAX_BYTES = 256 * 1024;
const KEPT_MILLIS = 30 * 86_400_000;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

/** Tells processes that still hold something of a session that it was erased. */
export interface ErasureMark {
  readonly id: string;
  /** Hash of the mark's id and the session's id: the mark must not reveal which session was erased. */
  readonly digest: string;
  readonly at: Moment;
  /**
   * Until when the erasing process waits for others, in milliseconds since the epoch; what is written later belongs to
   * a new session.
   */
  readonly untilMillis: number;
}

/** What the owner of a spool has done for a mark. */
export interface ErasureAnswer extends ErasedPart {
  readonly owner: string;
}

const NONE: readonly ErasureMark[] = [];

/**
 * The marks of sessions that were erased in a shared directory. Each process reads them after it has written, and then
 * erases what it had of the session from before.
 *
 * A file of JSON lines, to which all processes append. Lines of another version are skipped.
 */
export class ErasureMarks {
  readonly #directory: string;
  readonly #mode: number;
  readonly #path: string;
  readonly #reporter: Reporter;
  readonly #known = new Map<string, ErasureMark>();
  readonly #answers = new Map<string, Map<string, ErasureAnswer>>();
  #untold: ErasureMark[] = [];
  #place: string | undefined;
  #inode = 0;
  #readBytes = 0;
  #size = 0;

  /** {@link look} does not return marks that already exist. */
  constructor(directory: string, reporter: Reporter, mode = 0o600) {
    this.#mode = mode;
    this.#directory = directory;
    this.#path = join(directory, MARKS_NAME);
    this.#reporter = reporter;
    this.look();
  }

  /**
   * Returns the marks that were made since the last look. While nothing is erased, it costs one `stat` of the file.
   * Never throws.
   */
  look(): readonly ErasureMark[] {
    this.refresh();
    if (this.#untold.length === 0) return NONE;
    return this.#untold.splice(0);
  }

  /** Reads new marks, which {@link look} returns later. Never throws. */
  refresh(): void {
    try {
      const stats = lstatSync(this.#path, { throwIfNoEntry: false });
      if (stats === undefined || (stats.size === this.#size && stats.ino === this.#inode)) return;
      this.#read(stats.ino);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The directory is gone, with everything that was to be erased in it.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        this.#reporter.limited('marks', `the marks of erased sessions in ${this.#path} cannot be read`, error);
      }
    }
  }

  /**
   * Returns the marks that the spool's owner with this id has to answer: it lived when they were made and has not
   * answered.
   */
  unansweredBy(owner: string): readonly ErasureMark[] {
    this.refresh();
    // An id begins with the time when its owner began.
    const bornMillis = Number(owner.slice(0, 13));
    return [...this.#known.values()].filter(
      ({ id, at }) => !(bornMillis >= at.wallMillis) && this.#answers.get(id)?.has(owner) !== true,
    );
  }

  answersTo({ id }: ErasureMark): readonly ErasureAnswer[] {
    return [...(this.#answers.get(id)?.values() ?? [])];
  }

  /** Marks a session as erased now. @throws the error of the file system. */
  add(sessionId: string, waitMillis: number): ErasureMark {
    const id = randomBytes(12).toString('hex');
    const at = momentNow(this.#directory);
    const mark = { id, digest: digestOf(id, sessionId), at, untilMillis: at.wallMillis + waitMillis };
    this.#shrink();
    this.#append({ mark });
    this.#known.set(id, mark);
    return mark;
  }

  /** Answers a mark. @throws the error of the file system. */
  answer({ id }: ErasureMark, answer: ErasureAnswer): void {
    this.#append({ answer: { to: id, ...answer } });
  }

  /** Whether this time of `workNow()` in this process was before the mark was made. */
  isBefore(since: number, { at }: ErasureMark): boolean {
    this.#place ??= hostOf(this.#directory).key;
    return wasBefore(since, at, this.#place);
  }

  #append(line: object): void {
    // The file may end within a line: of a full disk, or of a process that was killed.
    const text = `\n${JSON.stringify({ v: VERSION, ...line })}\n`;
    for (let tries = 0; tries < 3; tries += 1) {
      const { fd, stats } = openPlainFile(this.#path, APPEND, this.#mode);
      try {
        if (stats.size === 0) giveTo(statSync(this.#directory), fd);
        // Unlike `writeSync`, it writes everything or throws.
        writeFileSync(fd, text);
      } finally {
        closeSync(fd);
      }
      // Another process may just have rewritten the file.
      if (lstatSync(this.#path, { throwIfNoEntry: false })?.ino === stats.ino) return;
    }
  }

  #read(inode: number): void {
    const { fd } = openPlainFile(this.#path, constants.O_RDONLY);
    try {
      const stats = fstatSync(fd);
      if (inode !== this.#inode || stats.size < this.#readBytes) this.#readBytes = 0;
      const bytes = Buffer.alloc(stats.size - this.#readBytes);
      const length = readSync(fd, bytes, 0, bytes.length, this.#readBytes);
      const end = bytes.lastIndexOf('\n', length - 1) + 1;
      this.#inode = stats.ino;
      this.#size = stats.size;
      this.#readBytes += end;
      this.#take(bytes.toString('utf8', 0, end).split('\n'));
    } finally {
      closeSync(fd);
    }
  }

  #take(lines: readonly string[]): void {
    for (const line of lines) {
      const { mark, answer } = parsed(line);
      if (mark !== undefined && !this.#known.has(mark.id)) {
        this.#known.set(mark.id, mark);
        this.#untold.push(mark);
      }
      if (answer !== undefined) {
        const answers = this.#answers.get(answer.to) ?? new Map<string, ErasureAnswer>();
        this.#answers.set(answer.to, answers.set(answer.owner, answer));
      }
    }
  }

  /** Rewrites a large file without old marks and their answers. What another process appends meanwhile stays. */
  #shrink(): void {
    if ((lstatSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) <= MAX_BYTES) return;
    const old = `${this.#path}.${randomBytes(8).toString('hex')}`;
    try {
      renameSync(this.#path, old);
    } catch {
      // Another process was faster.
      return;
    }
    const oldest = Date.now() - KEPT_MILLIS;
    const recent = new Set<string>();
    let taken = 0;
    for (const bytes of [readAll(old), readAll(old)]) {
      for (const line of bytes.subarray(taken).toString().split('\n')) {
        const { mark, answer } = parsed(line);
        if (mark !== undefined && mark.at.wallMillis > oldest) recent.add(mark.id);
        if (recent.has(mark?.id ?? answer?.to ?? '')) this.#append(JSON.parse(line) as object);
      }
      taken = bytes.length;
    }
    unlinkSync(old);
    for (const { id, at } of this.#known.values()) {
      if (at.wallMillis >= oldest) continue;
      this.#known.delete(id);
      this.#answers.delete(id);
    }
  }
}

/** The hash in a mark, by which those who know the session's id recognize it. */
function digestOf(markId: string, sessionId: string): string {
  return createHash('sha256').update(`${markId} `).update(sessionId, 'utf16le').digest('hex');
}

/** Returns a function that tells whether one of the marks is of a session. It checks each id once. */
export function markedBy(marks: readonly ErasureMark[]): (sessionId: string) => boolean {
  const known = new Map<string, boolean>();
  return (sessionId) => {
    let isMarked = known.get(sessionId);
    if (isMarked === undefined) {
      isMarked = marks.some(({ id, digest }) => digestOf(id, sessionId) === digest);
      known.set(sessionId, isMarked);
    }
    return isMarked;
  };
}

/** Returns a function that tells whether a session was erased after something of it had been written. */
export function writtenBeforeMarks(
  marks: readonly ErasureMark[],
): (sessionId: string, writtenMillis: number) => boolean {
  const known = new Map<string, number>();
  return (sessionId, writtenMillis) => {
    let until = known.get(sessionId);
    if (until === undefined) {
      const meant = marks.filter(({ id, digest }) => digestOf(id, sessionId) === digest);
      until = Math.max(-Infinity, ...meant.map(({ untilMillis }) => untilMillis));
      known.set(sessionId, until);
    }
    return writtenMillis <= until;
  };
}

/** Whether it is what its type says: anything may be in a file. */
function isMark({ id, digest, at, untilMillis }: ErasureMark): boolean {
  const numbers = [at.millis, at.wallMillis, untilMillis];
  return [id, digest, at.place].every((text) => typeof text === 'string') && numbers.every(Number.isFinite);
}

function parsed(line: string): { mark?: ErasureMark; answer?: ErasureAnswer & { to: string } } {
  try {
    const { v, mark, answer } = JSON.parse(line) as {
      v: unknown;
      mark?: ErasureMark;
      answer?: ErasureAnswer & { to: string };
    };
    if (v !== VERSION) return {};
    if (mark !== undefined && isMark(mark)) return { mark };
    if (typeof answer?.to === 'string' && typeof answer.owner === 'string') return { answer };
  } catch {
    // An empty line, or one that was cut because its process was killed.
  }
  return {};
}

function readAll(path: string): Buffer {
  const { fd, stats } = openPlainFile(path, constants.O_RDONLY);
  try {
    const bytes = Buffer.alloc(stats.size);
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}
