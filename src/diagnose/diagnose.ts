import { messageOf } from '../support/errors.ts';
import { settlesWithin } from '../support/timeouts.ts';
import { checkApis } from './check-apis.ts';
import { checkDirectories } from './check-directories.ts';
import { checkEnvironment } from './check-environment.ts';
import { checkExporters } from './check-exporters.ts';
import { checkLimits } from './check-limits.ts';
import { checkLoaderHook } from './check-loader-hook.ts';
import { checkLosses } from './check-losses.ts';
import { checkOtherSdk } from './check-other-sdk.ts';
import { checkProvider } from './check-provider.ts';
import { checkRecords } from './check-records.ts';
import { checkRules } from './check-rules.ts';
import { checkStart } from './check-start.ts';
import { checkStore } from './check-store.ts';
import { DiagnosisReport } from './diagnosis.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { DiagnosisScene, DiagnosisSubject } from './subject.ts';

/** Looks at one thing, and tells the report what it found. */
type Check = (scene: DiagnosisScene, report: DiagnosisReport) => void | Promise<void>;

/** Run side by side, in the order in which their findings are worth reading: a cause before what comes of it. */
const CHECKS = {
  'the start': checkStart,
  'the provider': checkProvider,
  'the rules of the provider': checkRules,
  'the other SDK': checkOtherSdk,
  'the exporters': checkExporters,
  'the environment': checkEnvironment,
  'the APIs': checkApis,
  'the loader hook': checkLoaderHook,
  'the limits of attributes': checkLimits,
  'the records': checkRecords,
  'the directories': checkDirectories,
  'the store': checkStore,
  'the losses': checkLosses,
} satisfies Readonly<Record<string, Check>>;

/** Before the others: they may collect all garbage, which would be taken for the silence of a server. */
const COLLECTING = ['the provider', 'the other SDK'] as const;

/** Longer than what a check allows what it asks. */
const CHECK_MILLIS = 15_000;

/**
 * Why a log may not arrive: what was found, what was looked at, and what could not be. It emits no record, and takes a few
 * seconds at most. Each check stands by itself: one that fails is told as not checked.
 */
export async function diagnose(subject: DiagnosisSubject): Promise<Diagnosis> {
  const report = new DiagnosisReport();
  const scene = sceneOf(subject);
  const early = new Map<string, Promise<Diagnosis>>();
  for (const name of COLLECTING) {
    const checking = run(name, CHECKS[name], scene);
    early.set(name, checking);
    await checking;
  }
  const reports = await Promise.all(
    Object.entries(CHECKS).map(([name, check]) => early.get(name) ?? run(name, check, scene)),
  );
  for (const { findings, checked, unchecked } of reports) {
    report.findings.push(...findings);
    report.checked.push(...checked);
    report.unchecked.push(...unchecked);
  }
  return report;
}

/** With a report of its own: what a check tells later, after its time, is not mixed into an answer that is given. */
async function run(name: string, check: Check, scene: DiagnosisScene): Promise<Diagnosis> {
  const report = new DiagnosisReport();
  const checking = (async () => check(scene, report))();
  const outcome = checking.catch((error: unknown) => report.cannotCheck(`${name}: ${messageOf(error)}`));
  if (await settlesWithin(outcome, CHECK_MILLIS)) return report;
  const late = new DiagnosisReport();
  late.cannotCheck(`${name}: it took longer than ${CHECK_MILLIS / 1000} s`);
  return late;
}

function sceneOf({ provider, parts, ...subject }: DiagnosisSubject): DiagnosisScene {
  const facts = Object.assign({}, ...parts) as DiagnosisScene['facts'];
  const scene = { ...subject, parts, facts, isStarted: parts.length > 0, providerError: undefined };
  try {
    return { ...scene, provider: provider() };
  } catch (error) {
    return { ...scene, provider: undefined, providerError: messageOf(error) };
  }
}
