import { deliveryFacts } from '../export/delivery/delivery-facts.ts';
import { innermost } from '../otel/inner-part.ts';
import type { DeliveryFacts } from '../export/delivery/delivery-facts.ts';
import { environmentValue } from '../otel/environment.ts';
import { exporterOf, processorsOf } from '../otel/provider-inside.ts';
import { messageOf } from '../support/errors.ts';
import { nameOf } from './check-provider.ts';
import { checkEndpoint } from './check-endpoint.ts';
import { DiagnosisReport } from './diagnosis.ts';
import { destinationOf, targetOf } from '../otel/exporter-inside.ts';
import type { ExporterTarget } from '../otel/exporter-inside.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks the exporting processors, the result of their last export, and whether their endpoints take logs. */
export async function checkExporters(scene: DiagnosisScene, report: DiagnosisReport): Promise<void> {
  const processors = processorsIn(scene);
  const targets: ExporterTarget[] = [];
  const deliveries: DeliveryFacts[] = [];
  let exporting = 0;
  for (const processor of processors) {
    const facts = deliveryFacts.of(processor);
    const exporter = facts?.exporter ?? exporterOf(processor);
    if (exporter === undefined) {
      if (isUnknown(processor, scene)) {
        exporting += 1;
        report.cannotCheck(`where ${nameOf(processor)} sends records: it does not show an exporter`);
      }
      continue;
    }
    exporting += 1;
    if (facts !== undefined) deliveries.push(facts);
    const target = targetOf(exporter);
    const where = destinationOf(target);
    report.check(
      `${nameOf(processor)} exports with ${nameOf(innermost(exporter))}${where}: ${queueOf(processor, facts)}`,
    );
    if (target === undefined) report.cannotCheck(`where ${nameOf(exporter)} sends records: it does not show it`);
    else targets.push(target);
  }
  if (exporting === 0) findNone(scene, processors, report);
  for (const endpoint of await Promise.all(targets.map((target) => endpointOf(target, scene)))) report.add(endpoint);
  // After the endpoint's answer, which is the cause.
  for (const facts of deliveries) checkDelivery(facts, report);
}

/**
 * Each exporter is asked about, because those of one address may have different credentials. What they have in common
 * is reported once.
 */
async function endpointOf(target: ExporterTarget, scene: DiagnosisScene): Promise<DiagnosisReport> {
  const report = new DiagnosisReport();
  await checkEndpoint(target, scene, report);
  return report;
}

function processorsIn({ provider, parts, isStarted }: DiagnosisScene): unknown[] {
  const own = parts.flatMap(({ processor }) => (processor === undefined ? [] : [processor]));
  const others = isStarted || provider === undefined ? [] : (processorsOf(provider) ?? []);
  return [...own, ...others].map(innermost);
}

/** Whether it is neither a writing processor of this package nor the session processor. */
function isUnknown(processor: unknown, scene: DiagnosisScene): boolean {
  return (
    processor !== scene.processor && !/^(?:Session|DateFile|Console|Noop)LogRecordProcessor$/.test(nameOf(processor))
  );
}

/** Describes how full the queue is. */
function queueOf(processor: unknown, facts: DeliveryFacts | undefined): string {
  if (facts !== undefined) return `${facts.exported} records exported, ${facts.pending} wait`;
  const { _finishedLogRecords: waiting, _maxQueueSize: size } = processor as {
    readonly _finishedLogRecords?: readonly unknown[];
    readonly _maxQueueSize?: number;
  };
  return waiting === undefined ? 'it has no queue' : `${waiting.length} of at most ${size ?? 'unknown'} records wait`;
}

function checkDelivery({ lastAnswer, pending }: DeliveryFacts, report: DiagnosisReport): void {
  if (lastAnswer === undefined) return;
  const seconds = Math.max(0, Math.round((performance.now() - lastAnswer.atMillis) / 1000));
  if (lastAnswer.verdict === 'delivered') return report.check(`the last export, ${seconds} s ago, was acknowledged`);
  const cause = lastAnswer.error === undefined ? '' : `: ${describeError(lastAnswer.error)}`;
  report.find(
    'export_failing',
    `the last export, ${seconds} s ago, failed (${lastAnswer.verdict})${cause}; ${pending} records wait`,
    FIXES[lastAnswer.verdict],
  );
}

const FIXES = {
  unavailable:
    'start the collector, or check the network: the exporter keeps trying, and nothing is lost within the limits of the queue or spool',
  misconfigured: 'correct the address or the credentials of the exporter, which keeps trying, slowly',
  refused:
    'look into the log of the collector, which refuses these records: lost ones are counted as `rejected`; with a spool they are in its directory `dead`',
} as const;

function describeError(error: unknown): string {
  const { code } = Object(error) as { readonly code?: unknown };
  const text = messageOf(error);
  return typeof code === 'number' || typeof code === 'string' ? `${text} (${code})` : text;
}

/**
 * Finds a provider that exports nothing. If it writes files, that is intended, unless the environment asks for an
 * export. A start that exports nothing is intended too, but whoever waits for records at a collector has to see it.
 */
function findNone({ isStarted }: DiagnosisScene, processors: readonly unknown[], report: DiagnosisReport): void {
  if (isStarted) {
    report.conclude(
      'nothing is exported, because no `endpoint`, `exporter` or OTEL_EXPORTER_OTLP_ENDPOINT was given; found nothing else that keeps logs from arriving',
    );
    return report.check('the instance has no exporter');
  }
  if (processors.length === 0) return;
  const wish = ['OTEL_LOGS_EXPORTER', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].find(
    (name) => (environmentValue(name) ?? 'none') !== 'none',
  );
  if (wish === undefined && processors.some((processor) => nameOf(processor) === 'DateFileLogRecordProcessor')) return;
  report.find(
    'no_exporter',
    wish === undefined
      ? 'no processor of the provider exports: records reach only the sessions of this process'
      : `no processor of the provider exports, although ${wish} is set: an SDK that gets \`logRecordProcessors\` does not make an exporter from the environment`,
    'put a processor with an exporter after the session processor: `logRecordProcessors: [sessions.processor, new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })]`, which reads OTEL_EXPORTER_OTLP_*',
  );
}
