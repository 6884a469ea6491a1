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

/** Checks one thing and adds the result to the report. */
type Check = (scene: DiagnosisScene, report: DiagnosisReport) => void | Promise<void>;

/** The checks, which run at the same time. Their order is that of their findings: a cause before its effects. */
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

/**
 * These run first, because they may collect all garbage, and that pause would look like a server that does not answer.
 */
const COLLECTING = ['the provider', 'the other SDK'] as const;

/** Longer than any time limit within a check. */
const CHECK_MILLIS = 15_000;

/**
 * Finds out why a log may not arrive: what was found, what was checked, and what could not be. It emits no record, and
 * takes a few seconds at most. Checks are independent: one that fails is listed as not checked.
 */
export async function diagnose(subject: DiagnosisSubject): Promise<Diagnosis> {
  const report = new DiagnosisReport();
  const scene = sceneOf(subject);
  const early = new Map<string, Promise<DiagnosisReport>>();
  for (const name of COLLECTING) {
    const checking = run(name, CHECKS[name], scene);
    early.set(name, checking);
    await checking;
  }
  const reports = await Promise.all(
    Object.entries(CHECKS).map(([name, check]) => early.get(name) ?? run(name, check, scene)),
  );
  for (const part of reports) report.add(part);
  return report;
}

/** Runs a check with a report of its own, so that what it adds after its time does not change a finished answer. */
async function run(name: string, check: Check, scene: DiagnosisScene): Promise<DiagnosisReport> {
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
