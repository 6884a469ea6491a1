import { environmentValue, isOtlpExportDisabled, isSdkDisabled } from '../otel/environment.ts';
import { withoutCredentials } from '../support/address.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;
const SHOWN = [
  ...ENDPOINTS,
  'OTEL_LOGS_EXPORTER',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_EXPORTER_OTLP_LOGS_PROTOCOL',
  'OTEL_SDK_DISABLED',
  'OTEL_CONFIG_FILE',
  'LOGS_PATH',
];

/** Variables of the environment that cancel each other, or say nothing that can be done. */
export function checkEnvironment({ isStarted, parts, facts }: DiagnosisScene, report: DiagnosisReport): void {
  const set = SHOWN.filter((name) => environmentValue(name) !== undefined);
  const values = set.map((name) => `${name}=${withoutCredentials(environmentValue(name) ?? '')}`);
  report.check(
    `the environment has ${values.length === 0 ? 'none of the variables that concern logs' : values.join(', ')}`,
  );
  const wish =
    facts.endpoint === undefined ? set.find((name) => (ENDPOINTS as readonly string[]).includes(name)) : '`endpoint`';
  if (isSdkDisabled()) {
    if (wish !== undefined || set.includes('OTEL_LOGS_EXPORTER')) {
      report.find(
        'environment',
        `OTEL_SDK_DISABLED=true: nothing is exported, although ${wish ?? 'OTEL_LOGS_EXPORTER'} is set`,
        'take OTEL_SDK_DISABLED out of the environment',
      );
    }
    return;
  }
  // Of a provider of the application's the exporters tell more.
  if (!isStarted || parts.some(({ isExport }) => isExport === true)) return;
  if (isOtlpExportDisabled() && wish !== undefined) {
    report.find(
      'environment',
      `OTEL_LOGS_EXPORTER=${environmentValue('OTEL_LOGS_EXPORTER')} switches off the export that ${wish} asks for`,
      'take OTEL_LOGS_EXPORTER out of the environment, or let it name otlp',
    );
    return;
  }
  if (set.includes('OTEL_LOGS_EXPORTER') && wish === undefined && !isOtlpExportDisabled()) {
    report.find(
      'environment',
      'OTEL_LOGS_EXPORTER names otlp, but no endpoint is set: nothing is exported',
      'set OTEL_EXPORTER_OTLP_ENDPOINT to the address of the collector, such as http://localhost:4318',
    );
    return;
  }
  for (const name of ENDPOINTS) {
    const value = environmentValue(name);
    if (value === undefined) continue;
    if (!URL.canParse(value) || !/^https?:/i.test(value)) {
      report.find(
        'environment',
        `${name} is no URL: ${JSON.stringify(withoutCredentials(value))}; nothing is exported`,
        'set it to one such as http://localhost:4318',
      );
    }
    // As in the exporters, the signal's own variable decides alone where it is set.
    return;
  }
}
