import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import type { Reporter } from '../diagnostics.ts';

const OWN_NAME = /^session-logs\.(\d{4}-\d{2}-\d{2})\.log(\.gz)?$/;
const DAY_MILLIS = 86_400_000;

/** What becomes of the files of past days. */
export interface RetentionRules {
  /** Days before today of which files are kept. */
  readonly retentionDays: number;
  /** Whether past days are compressed. */
  readonly compress: boolean;
}

/**
 * Removes the daily files that are too old, by the date in their name, and compresses those of past days. Other files in
 * the directory are not touched. Never rejects: what fails is reported, and tried again at the next roll.
 */
export async function sweepDayFiles(
  directory: string,
  today: string,
  rules: RetentionRules,
  reporter: Reporter,
): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      const [, day, gz] = OWN_NAME.exec(name) ?? [];
      const age = day === undefined ? undefined : daysBetween(day, today);
      if (age === undefined || age <= 0) continue;
      if (age > rules.retentionDays) await remove(join(directory, name));
      else if (rules.compress && gz === undefined) await compressDay(directory, name, reporter);
    }
  } catch (error) {
    reporter.limited('sweep', `the old daily files in ${directory} could not be swept`, error);
  }
}

/** Days from one date to another; `undefined` when the first is none of the calendar. */
function daysBetween(day: string, today: string): number | undefined {
  const time = Date.parse(`${day}T00:00:00.000Z`);
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== day) return undefined;
  return Math.round((Date.parse(`${today}T00:00:00.000Z`) - time) / DAY_MILLIS);
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    // Another process on the same directory sweeps too.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Compresses into a temporary file, compares, and only then takes the place of the original. */
async function compressDay(directory: string, name: string, reporter: Reporter): Promise<void> {
  const source = join(directory, name);
  const target = `${source}.gz`;
  const temporary = join(directory, `.${name}.gz.${process.pid}.tmp`);
  try {
    const before = await stat(source);
    if (await exists(target)) return;
    await pipeline(createReadStream(source), createGzip(), createWriteStream(temporary, { mode: 0o600, flags: 'w' }));
    await syncFile(temporary);
    if (!(await isSameContent(source, temporary))) throw new Error('the compressed file differs from the original');
    await rename(temporary, target);
    const after = await stat(source);
    // A process that has not rolled yet may still write there: then both files stay.
    if (after.size === before.size && after.ino === before.ino) await remove(source);
  } catch (error) {
    await remove(temporary);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      reporter.limited('compress', `${name} could not be compressed and stays as it is`, error);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function isSameContent(path: string, compressedPath: string): Promise<boolean> {
  const original = createReadStream(path)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const unpacked = createReadStream(compressedPath).pipe(createGunzip());
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    let at = 0;
    while (at < chunk.length) {
      if (rest.length === 0) {
        const { value, done } = await original.next();
        if (done === true) return false;
        rest = value;
      }
      const length = Math.min(rest.length, chunk.length - at);
      if (rest.compare(chunk, at, at + length, 0, length) !== 0) return false;
      rest = rest.subarray(length);
      at += length;
    }
  }
  return rest.length === 0 && (await original.next()).done === true;
}
