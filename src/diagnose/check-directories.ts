import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { directoryFacts } from '../export/directory-facts.ts';
import type { DirectoryFacts } from '../export/directory-facts.ts';
import { innermost } from '../otel/inner-part.ts';
import { processorsOf } from '../otel/provider-inside.ts';
import { messageOf } from '../support/errors.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks that the directories of daily files and spools exist and can be written to. */
export async function checkDirectories(scene: DiagnosisScene, report: DiagnosisReport): Promise<void> {
  for (const processor of [...scene.parts.map((part) => part.processor), ...processorsIn(scene)]) {
    const facts = directoryFacts.of(innermost(processor));
    if (facts !== undefined) await check(facts, report);
  }
}

function processorsIn({ provider }: DiagnosisScene): readonly unknown[] {
  return (provider === undefined ? undefined : processorsOf(provider)) ?? [];
}

async function check({ directory, holds, error }: DirectoryFacts, report: DiagnosisReport): Promise<void> {
  const place = holds === 'spool' ? `the spool in ${directory}` : `the directory of the daily files ${directory}`;
  const problem = (await problemOf(directory)) ?? (error === undefined ? undefined : messageOf(error));
  if (problem === undefined) return report.check(`${place} can be written to`);
  const is = `${place} cannot be written to: ${problem}`;
  if (holds === 'spool') {
    report.find(
      'spool_unusable',
      `${is}; records are sent from memory, and waiting ones are lost with the process`,
      'make room on the disk, give this user the right to write there, or give the spool another `directory`',
    );
  } else {
    report.find(
      'directory_unusable',
      `${is}; lines wait in memory, and are lost with the process`,
      'make room on the disk, give this user the right to write there, or set LOGS_PATH, or `directory`, to another directory',
    );
  }
}

async function problemOf(directory: string): Promise<string | undefined> {
  try {
    await access(directory, constants.F_OK);
    // Fails if a file is in the directory's place.
    await readdir(directory);
    await access(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The processor makes a directory that was removed again.
    if (code === 'ENOENT' && dirname(directory) !== directory) return problemOf(dirname(directory));
    return code ?? messageOf(error);
  }
}
