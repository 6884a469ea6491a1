import { insideOf } from '../otel/provider-inside.ts';
import type { LoggerRule } from '../otel/provider-inside.ts';
import { SCOPE_NAME } from '../route/own-write.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks for rules of the SDK (`loggerConfigurator`), which stop records before any processor gets them. */
export function checkRules({ provider }: DiagnosisScene, report: DiagnosisReport): void {
  if (provider === undefined) return;
  // Makes the rule for this package's own records visible, before the first of them.
  provider.getLogger(SCOPE_NAME);
  const loggers = insideOf(provider)?.loggers;
  if (loggers === undefined)
    return report.cannotCheck('rules of the provider that stop records: it does not show its loggers');
  const stopped = [...loggers.values()].flatMap(({ _instrumentationScope: scope, _loggerConfig: rule }) =>
    whatIsStopped(rule ?? {}).map((what) => `${what} of "${scope?.name ?? 'unknown'}"`),
  );
  if (stopped.length === 0) {
    report.check('no rule of the provider stops records of a logger');
    return;
  }
  report.find(
    'logger_rules',
    `rules of the provider stop records before any processor gets them: ${stopped.join(', ')}`,
    'change the rules for these loggers in `loggerConfigurator` of the provider if you want these records in sessions and exports',
  );
}

function whatIsStopped({ enabled, disabled, minimumSeverity = 0, traceBased = false }: LoggerRule): string[] {
  if (enabled === false || disabled === true) return ['all records'];
  return [
    ...(minimumSeverity > 0 ? [`records below severity ${minimumSeverity}`] : []),
    ...(traceBased ? ['records in traces that are not sampled'] : []),
  ];
}
