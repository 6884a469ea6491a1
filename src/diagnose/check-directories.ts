import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';

import { deliveryFactsOf } from '../export/delivery/delivery-facts.ts';
import { innermost } from '../otel/inner-part.ts';
import { processorsOf } from '../otel/provider-inside.ts';
import { messageOf } from '../support/errors.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks that the directories of the daily file and of the spool exist and can be written to. */
export async function checkDirectories(scene: DiagnosisScene, report: DiagnosisReport): Promise<void> {
  const { directory } = scene.facts;
  if (directory !== undefined) {
    const problem = await problemOf(directory);
    if (problem === undefined) report.check(`the directory of the daily files ${directory} can be written to`);
    else {
      report.find(
        'directory_unusable',
        `the directory of the daily files ${directory} cannot be written to: ${problem}`,
        'give this user the right to write there, or set LOGS_PATH to another directory',
      );
    }
  }
  for (const processor of [...scene.parts.map((part) => part.processor), ...processorsIn(scene)]) {
    const facts = deliveryFactsOf(innermost(processor));
    if (facts?.directory !== undefined) await checkSpool(facts.directory, facts.diskError, report);
  }
}

function processorsIn({ provider }: DiagnosisScene): readonly unknown[] {
  return (provider === undefined ? undefined : processorsOf(provider)) ?? [];
}

async function checkSpool(directory: string, error: unknown, report: DiagnosisReport): Promise<void> {
  const problem = (await problemOf(directory)) ?? (error === undefined ? undefined : messageOf(error));
  if (problem === undefined) return report.check(`the spool in ${directory} can be written to`);
  report.find(
    'spool_unusable',
    `the spool in ${directory} cannot be written to: ${problem}; records are sent from memory, and waiting ones are lost with the process`,
    'make room on the disk, give this user the right to write there, or give the spool another `directory`',
  );
}

async function problemOf(directory: string): Promise<string | undefined> {
  try {
    await access(directory, constants.F_OK);
    // Fails if a file is in the directory's place.
    await readdir(directory);
    await access(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? messageOf(error);
  }
}
