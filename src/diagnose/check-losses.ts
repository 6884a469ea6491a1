import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** What was lost since the start, by reason. */
export function checkLosses({ lost }: DiagnosisScene, report: DiagnosisReport): void {
  const counts = Object.entries(lost).filter(([, count]) => count > 0);
  if (counts.length === 0) return report.check('nothing was lost');
  report.find(
    'losses',
    `records or entries were lost: ${counts.map(([reason, count]) => `${count} ${reason}`).join(', ')}`,
    'the table "Losses" in docs/run.md has the cause and the remedy of each reason: raise the bound that is named, or mend what refuses the records',
  );
}
