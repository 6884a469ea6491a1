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
  /** Returns the rule for reading lines of a function. */
  readonly rule: () => CustomLineRule | undefined;
  readonly reporter: Reporter;
}

interface Written {
  readonly path: string;
  /** Where the file ended before the write, or a little earlier. */
  readonly from: number;
  readonly text: string | Buffer;
}

/**
 * Erases lines of sessions that another process of the directory erased while this one still had older lines of them.
 *
 * It looks at the marks after each write, so that nothing can slip in between a look and the write that follows, and
 * erases marked lines in the file. It also looks at the marks before waiting lines are written.
 */
export class MarkedLines {
  readonly #options: MarkedLinesOptions;
  readonly #written: Written[] = [];

  constructor(options: MarkedLinesOptions) {
    this.#options = options;
  }

  /** Call it when lines are about to be appended to a file. */
  note(path: string, from: number, text: string | Buffer): void {
    this.#written.push({ path, from, text });
  }

  /** Removes from the waiting lines those of sessions that were marked since the last look. Returns these marks. */
  purge(pending: PendingBytes): readonly ErasureMark[] {
    const fresh = this.#options.marks.look();
    if (fresh.length > 0) this.#guarded(() => void pending.remove(this.#matcherOf(fresh)));
    return fresh;
  }

  /** Returns the lines that remain of a text that came since this time of `workNow()`. */
  leftOf(text: string, since: number, fresh: readonly ErasureMark[]): string[] {
    const lines = text.split(LINE_END);
    const meant = fresh.filter((mark) => this.#options.marks.isBefore(since, mark));
    const matcher = this.#matcherOf(meant);
    if (meant.length === 0) return lines;
    let left = lines;
    this.#guarded(() => (left = lines.filter((line) => matcher.kindOf(line) === undefined)));
    return left;
  }

  /** Call it after each write. `since`: the time of `workNow()` before the first of its lines came. Never throws. */
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

  /**
   * Guards against code of the application that reads the session of a line, and against files that became unreadable.
   */
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
