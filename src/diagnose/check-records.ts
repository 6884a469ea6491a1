import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

const MAX_SCOPES = 20;

/** Reports the records of other loggers, in sessions and outside. */
export function checkRecords({ processor }: DiagnosisScene, report: DiagnosisReport): void {
  const scopes = processor.router.scopes.list();
  if (scopes.length === 0) {
    report.check('no record of another logger has reached the processor');
    return;
  }
  const lines = scopes
    .slice(0, MAX_SCOPES)
    .map(({ name, inside, outside }) => `"${name}" ${inside} in sessions and ${outside} outside`);
  const more = scopes.length > MAX_SCOPES ? `, and ${scopes.length - MAX_SCOPES} more` : '';
  report.check(`records of other loggers, by their instrumentation scope: ${lines.join(', ')}${more}`);
}
