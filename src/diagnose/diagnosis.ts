import { escapeControls } from '../support/terminal-text.ts';
import type { Finding, FindingCode } from './finding.ts';

/** The result of `diagnose()`; `String(diagnosis)` prints it. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What was checked, with the result. */
  readonly checked: readonly string[];
  /** What could not be checked, and why. */
  readonly unchecked: readonly string[];
  toString(): string;
}

/** Collects the results of the checks. */
export class DiagnosisReport implements Diagnosis {
  readonly findings: Finding[] = [];
  readonly checked: string[] = [];
  readonly unchecked: string[] = [];
  #conclusion: string | undefined;

  find(code: FindingCode, problem: string, fix: string): void {
    this.findings.push({ code, problem, fix });
  }

  check(line: string): void {
    this.checked.push(line);
  }

  cannotCheck(line: string): void {
    this.unchecked.push(line);
  }

  /** Says what it prints first where there is no finding. */
  conclude(line: string): void {
    this.#conclusion = line;
  }

  /** Takes over from another report what this one does not have. */
  add(part: DiagnosisReport): void {
    const isNew = (finding: Finding): boolean =>
      !this.findings.some(
        ({ code, problem, fix }) => code === finding.code && problem === finding.problem && fix === finding.fix,
      );
    this.findings.push(...part.findings.filter(isNew));
    this.checked.push(...part.checked.filter((line) => !this.checked.includes(line)));
    this.unchecked.push(...part.unchecked.filter((line) => !this.unchecked.includes(line)));
    this.#conclusion ??= part.#conclusion;
  }

  /** Escapes control characters, because it quotes foreign names and answers. */
  toString(): string {
    const found = this.findings.map(({ code, problem, fix }) => `${code}: ${problem}\n  fix: ${fix}`);
    return [
      ...(found.length === 0 ? [this.#conclusion ?? 'found nothing that keeps logs from arriving'] : found),
      ...this.checked.map((line) => `checked: ${line}`),
      ...this.unchecked.map((line) => `not checked: ${line}`),
    ]
      .map((text) => text.split('\n  fix: ').map(escapeControls).join('\n  fix: '))
      .join('\n');
  }
}
