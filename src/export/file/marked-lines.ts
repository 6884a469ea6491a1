import type { Reporter } from '../../support/reporter.ts';
import { markedBy } from '../erasure/erasure-marks.ts';
import type { ErasureMark, ErasureMarks } from '../erasure/erasure-marks.ts';
import type { CustomLineRule } from './custom-line-rule.ts';
import { eraseOwnLines } from './erase-lines.ts';
import { LineMatcher } from './line-matcher.ts';
import type { PendingBytes } from './pending-bytes.ts';

const LINE_END = /\r?\n/;

export interface MarkedLinesOptions {
  readonly marks: ErasureMarks;
  /** How lines of a function are read. */
  readonly rule: () => CustomLineRule | undefined;
  readonly reporter: Reporter;
}

interface Written {
  readonly path: string;
  /** Where the file ended before, or a little earlier. */
  readonly from: number;
  readonly text: string | Buffer;
}

/**
 * Lines of sessions that another process of the directory erases while this one still has lines of them, which are older than the
 * erasure.
 *
 * Marks are looked at after each write, so nothing can slip in between a look and the write that follows: what is then found to
 * be meant is erased in the file. Before lines that have waited are written, marks are looked at too.
 */
export class MarkedLines {
  readonly #options: MarkedLinesOptions;
  readonly #written: Written[] = [];

  constructor(options: MarkedLinesOptions) {
    this.#options = options;
  }

  /** Lines are about to be appended to a file. */
  note(path: string, from: number, text: string | Buffer): void {
    this.#written.push({ path, from, text });
  }

  /** Takes out of the lines that wait what is meant by marks that were made since the last look. Returns those marks. */
  purge(pending: PendingBytes): readonly ErasureMark[] {
    const fresh = this.#options.marks.look();
    if (fresh.length > 0) this.#guarded(() => void pending.remove(this.#matcherOf(fresh)));
    return fresh;
  }

  /** What is left of a text that came since that time of `workNow()`. */
  leftOf(text: string, since: number, fresh: readonly ErasureMark[]): string[] {
    const lines = text.split(LINE_END);
    const meant = fresh.filter((mark) => this.#options.marks.isBefore(since, mark));
    const matcher = this.#matcherOf(meant);
    if (meant.length === 0) return lines;
    let left = lines;
    this.#guarded(() => (left = lines.filter((line) => matcher.kindOf(line) === undefined)));
    return left;
  }

  /** To be called after each write. `since`: the time of `workNow()` before the first of its lines came. Never throws. */
  settle(since: number, pending: PendingBytes): void {
    const fresh = this.#options.marks.look();
    if (fresh.length > 0) {
      const meant = fresh.filter((mark) => this.#options.marks.isBefore(since, mark));
      if (meant.length > 0) this.#eraseWritten(this.#matcherOf(meant), pending);
    }
    this.#written.length = 0;
  }

  #eraseWritten(matcher: LineMatcher, pending: PendingBytes): void {
    this.#guarded(() => void pending.remove(matcher));
    for (const { path, from, text } of this.#written) {
      this.#guarded(() => void eraseOwnLines(path, from, new Set(text.toString().split(LINE_END)), matcher));
    }
  }

  /** The application may read the session of a line, and the file may have become unreadable. */
  #guarded(erase: () => void): void {
    try {
      erase();
    } catch (error) {
      const message = 'lines of a session that another process erased could not be erased here: erase it again';
      this.#options.reporter.limited('erase', message, error);
    }
  }

  #matcherOf(marks: readonly ErasureMark[]): LineMatcher {
    return new LineMatcher(markedBy(marks), this.#options.rule());
  }
}
