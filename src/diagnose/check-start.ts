import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Reports what `register` could not do while the rest went on. It said so on stderr, which scrolls away. */
export function checkStart({ isStarted, facts }: DiagnosisScene, report: DiagnosisReport): void {
  for (const problem of facts.problems ?? []) {
    // Each message ends with what to do.
    const [, what = problem, fix = 'see the message of the start'] =
      /^(.*?)[;:] ((?:npm install|set ).*)$/s.exec(problem) ?? [];
    report.find('start_failed', what, fix);
  }
  if (isStarted) report.check('the instance was started, by startSessionLogs or register, with a provider of its own');
}
