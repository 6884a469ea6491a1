import { realpathSync } from 'node:fs';

import type { ErasedPart } from '../entry/erasure.ts';
import { requireSessionId } from '../entry/session-id.ts';
import { directoryAccess } from '../export/directory-access.ts';
import { eraseDead, eraseOutside, matcherOf, OTHERS_MILLIS } from '../export/durable/durable-erasure.ts';
import { ErasureMarks } from '../export/erasure/erasure-marks.ts';
import { AnyDayFileNames } from '../export/file/any-day-file-names.ts';
import { eraseInDailyFiles, fileSizes } from '../export/file/daily-file-erasure.ts';
import { LineMatcher } from '../export/file/line-matcher.ts';
import { OwnerDirectory } from '../export/spool/owner-directory.ts';
import { OwnerWatch } from '../export/spool/owner-watch.ts';
import { SessionLogsError } from '../support/errors.ts';
import { reporterFor } from '../support/reporter.ts';
import type { Reporter } from '../support/reporter.ts';
import { receiptOf } from './erasure-receipt.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';

/** Directories in which processes that are gone left their files. */
export interface ErasureDirectories {
  /** The directory of daily files. */
  readonly logs?: string | undefined;
  /** The root directory of a spool. */
  readonly spool?: string | undefined;
}

/**
 * Erases a session in directories, even while other processes use them.
 *
 * @throws TypeError for a wrong session id; SessionLogsError `directory_unusable`, `erasure_incomplete`.
 */
export async function eraseInDirectories(
  sessionId: string,
  { logs, spool }: ErasureDirectories,
): Promise<ErasureReceipt> {
  requireSessionId('erase', sessionId);
  const reporter = reporterFor('erase');
  const directories = {
    logs: logs === undefined ? undefined : usable(logs),
    spool: spool === undefined ? undefined : usable(spool),
  };
  // Each runs even if the other fails.
  const done = await Promise.allSettled([
    directories.logs === undefined ? [] : eraseInLogs(sessionId, directories.logs, reporter),
    directories.spool === undefined ? [] : eraseInSpool(sessionId, directories.spool, reporter),
  ]);
  const parts = done.flatMap((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  return receiptOf(sessionId, 0, parts);
}

function usable(directory: string): string {
  try {
    const path = realpathSync(directory);
    const { refusal } = directoryAccess(path);
    if (refusal === undefined) return path;
    throw new SessionLogsError('directory_unusable', `the directory ${directory} is unusable: ${refusal}`);
  } catch (error) {
    if (error instanceof SessionLogsError) throw error;
    throw new SessionLogsError('directory_unusable', `the directory ${directory} cannot be read`, { cause: error });
  }
}

async function eraseInLogs(sessionId: string, directory: string, reporter: Reporter): Promise<ErasedPart> {
  const names = new AnyDayFileNames();
  const matcher = LineMatcher.ofUnknownFiles(sessionId);
  new ErasureMarks(directory, reporter).add(sessionId, 0);
  const sizes = fileSizes(directory, names);
  const file = await eraseInDailyFiles({ directory, names, matcher, sizes });
  const other = `lines in ${directory} that hold the id but are in neither format of this package: if a \`format\` of the application wrote them, call \`eraseSession\` in a process that has it`;
  return { file, remains: matcher.hasMetOther ? [other] : [] };
}

async function eraseInSpool(sessionId: string, root: string, reporter: Reporter): Promise<ErasedPart[]> {
  const marks = new ErasureMarks(root, reporter);
  const mark = marks.add(sessionId, OTHERS_MILLIS);
  const owner = OwnerDirectory.create(root, Date.now());
  const watch = new OwnerWatch(root);
  try {
    // Heartbeats tell within a minute whether owners on other hosts are alive.
    await watch.decide();
    const outside = await eraseOutside({ root, owner, watch, marks, mark, sessionId });
    return [outside, await eraseDead(root, matcherOf(sessionId))];
  } finally {
    owner.close();
  }
}
