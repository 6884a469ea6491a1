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

/** Finds environment variables that cancel each other or cannot have an effect. */
export function checkEnvironment({ isStarted, parts, facts }: DiagnosisScene, report: DiagnosisReport): void {
  const set = SHOWN.filter((name) => environmentValue(name) !== undefined);
  const values = set.map((name) => `${name}=${withoutCredentials(environmentValue(name) ?? '')}`);
  report.check(
    `the environment has ${values.length === 0 ? 'none of the variables that concern logs' : values.join(', ')}`,
  );
  const wish =
    facts.endpoint === undefined ? set.find((name) => (ENDPOINTS as readonly string[]).includes(name)) : '`endpoint`';
  if (isSdkDisabled()) {
    const given = wish ?? facts.given ?? set.find((name) => name === 'OTEL_LOGS_EXPORTER');
    if (given !== undefined) {
      report.find(
        'environment',
        `OTEL_SDK_DISABLED=true: nothing is exported, although ${given} is set`,
        'remove OTEL_SDK_DISABLED from the environment',
      );
    }
    return;
  }
  // For a provider of the application, the exporters tell more.
  if (!isStarted || parts.some(({ isExport }) => isExport === true)) return;
  if (isOtlpExportDisabled() && wish !== undefined) {
    report.find(
      'environment',
      `OTEL_LOGS_EXPORTER=${environmentValue('OTEL_LOGS_EXPORTER')} switches off the export that ${wish} asks for`,
      'remove OTEL_LOGS_EXPORTER from the environment, or set it to otlp',
    );
    return;
  }
  if (set.includes('OTEL_LOGS_EXPORTER') && wish === undefined && !isOtlpExportDisabled()) {
    report.find(
      'environment',
      'OTEL_LOGS_EXPORTER includes otlp, but no endpoint is set: nothing is exported',
      'set OTEL_EXPORTER_OTLP_ENDPOINT to the address of the collector, such as http://localhost:4318',
    );
    return;
  }
  for (const name of ENDPOINTS) {
    const value = environmentValue(name);
    if (value === undefined) continue;
    // `http:4318` can be parsed too.
    if (!URL.canParse(value) || !/^https?:\/\//i.test(value)) {
      report.find(
        'environment',
        `${name} is not a URL: ${JSON.stringify(withoutCredentials(value))}; nothing is exported`,
        'set it to a URL such as http://localhost:4318',
      );
    }
    // As in the exporters, the signal's own variable, if set, decides alone.
    return;
  }
}
