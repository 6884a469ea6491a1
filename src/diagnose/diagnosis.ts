import { escapeControls } from '../support/terminal-text.ts';
import type { Finding, FindingCode } from './finding.ts';

/** The answer of `diagnose()`: `String(diagnosis)` prints it. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What was looked at, and what it came to. */
  readonly checked: readonly string[];
  /** What could not be looked at, and why. */
  readonly unchecked: readonly string[];
  toString(): string;
}

/** Collects what the checks come to. */
export class DiagnosisReport implements Diagnosis {
  readonly findings: Finding[] = [];
  readonly checked: string[] = [];
  readonly unchecked: string[] = [];

  find(code: FindingCode, problem: string, fix: string): void {
    this.findings.push({ code, problem, fix });
  }

  check(line: string): void {
    this.checked.push(line);
  }

  cannotCheck(line: string): void {
    this.unchecked.push(line);
  }

  /** Quotes names and answers of others, so control characters are shown. */
  toString(): string {
    const found = this.findings.map(({ code, problem, fix }) => `${code}: ${problem}\n  fix: ${fix}`);
    return [
      ...(found.length === 0 ? ['nothing found that keeps logs from arriving'] : found),
      ...this.checked.map((line) => `checked: ${line}`),
      ...this.unchecked.map((line) => `not checked: ${line}`),
    ]
      .map((text) => text.split('\n  fix: ').map(escapeControls).join('\n  fix: '))
      .join('\n');
  }
}
