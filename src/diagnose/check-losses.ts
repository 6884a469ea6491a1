import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Reports losses since the start, by reason. */
export function checkLosses({ lost }: DiagnosisScene, report: DiagnosisReport): void {
  const counts = Object.entries(lost).filter(([, count]) => count > 0);
  if (counts.length === 0) return report.check('nothing was lost');
  report.find(
    'losses',
    `records or entries were lost: ${counts.map(([reason, count]) => `${count} ${reason}`).join(', ')}`,
    'look up the reasons in the table "Losses" in docs/run.md: raise the limit that it names, or repair what refuses the records',
  );
}
