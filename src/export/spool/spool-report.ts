import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { ReadableLogRecord } from '../../otel.ts';
import { DEAD_DIRECTORY, deadFiles } from '../durable/dead-letters.ts';
import { FileSegment } from './file-segment.ts';
import { Liveness } from './liveness.ts';
import { OriginDecoder } from './codec/origin-codec.ts';
import { listDirectory, OWNER_PREFIX, segmentFiles } from './owner-directory.ts';
import type { AdoptedFile } from './owner-directory.ts';
import { PendingResources } from '../durable/pending-resources.ts';
import { decodeEntry } from './codec/record-decoder.ts';
import { scanSegment } from './segment-reader.ts';
import type { FoundEntry } from './segment-reader.ts';

/** What is in the directory of one owner, with what it had taken over from dead ones. */
export interface OwnerReport {
  readonly id: string;
  /** Its process runs, and ships what is here. */
  readonly isAlive: boolean;
  readonly segments: number;
  /** Not yet acknowledged. */
  readonly entries: number;
  readonly records: number;
  readonly bytes: number;
  /** When its oldest entry was written, milliseconds since the epoch. */
  readonly oldestMillis: number | undefined;
  /** Records that are damaged, as far as can be told. */
  readonly damaged: number;
}

/** What is in a spool. */
export interface SpoolReport {
  readonly owners: readonly OwnerReport[];
  /** Records that the collector rejected. */
  readonly dead: { readonly files: number; readonly records: number; readonly bytes: number };
}

/** Looks into a spool without changing it. Rejects when the directory cannot be read. */
export async function inspectSpool(root: string): Promise<SpoolReport> {
  if (!statSync(root).isDirectory()) throw new Error(`${root} is not a directory`);
  const owners: OwnerReport[] = [];
  for (const name of ownerNames(root)) {
    const path = join(root, name);
    const isAlive = await Liveness.isAlive(path);
    const report = {
      id: name.slice(OWNER_PREFIX.length),
      isAlive,
      segments: 0,
      entries: 0,
      records: 0,
      bytes: 0,
      damaged: 0,
    };
    let oldestMillis: number | undefined;
    for (const file of segmentFiles(path)) {
      const scan = await scanFile(file, () => {});
      report.segments += 1;
      report.bytes += file.bytes;
      report.entries += scan.entries;
      report.damaged += scan.damaged;
      report.records += scan.records - scan.damaged;
      if (scan.oldestMillis !== undefined) oldestMillis = Math.min(oldestMillis ?? Infinity, scan.oldestMillis);
    }
    owners.push({ ...report, oldestMillis });
  }
  const files = deadFiles(join(root, DEAD_DIRECTORY));
  let records = 0;
  for (const file of files)
    for await (const batch of readFile(asFound(file), new PendingResources(0))) records += batch.length;
  return { owners, dead: { files: files.length, records, bytes: files.reduce((sum, file) => sum + file.bytes, 0) } };
}

/**
 * The records that no living process will ship, oldest first, an entry at a time: those of dead owners, or with
 * `'rejected'` those that the collector rejected. Changes nothing; damaged entries are passed over.
 */
export async function* readSpool(
  root: string,
  which: 'pending' | 'rejected',
): AsyncGenerator<readonly ReadableLogRecord[]> {
  const resources = new PendingResources(0);
  const files: AdoptedFile[] = [];
  if (which === 'rejected') files.push(...deadFiles(join(root, DEAD_DIRECTORY)).map(asFound));
  else {
    for (const name of ownerNames(root)) {
      const path = join(root, name);
      if (!(await Liveness.isAlive(path))) files.push(...segmentFiles(path));
    }
    files.sort((a, b) => (a.name < b.name ? -1 : 1));
    // Attributes that came late stand behind the records they belong to.
    for (const file of files) {
      await scanFile(file, (entry) => {
        if (entry.count === 0) resources.learn(Buffer.from(entry.payload));
      });
    }
  }
  for (const file of files) yield* readFile(file, resources);
}

function ownerNames(root: string): string[] {
  return listDirectory(root).filter((name) => name.startsWith(OWNER_PREFIX));
}

function asFound({ path, bytes }: { readonly path: string; readonly bytes: number }): AdoptedFile {
  return { directory: dirname(path), name: basename(path), bytes, newestMillis: 0 };
}

async function scanFile(file: AdoptedFile, visit: (entry: FoundEntry) => void): ReturnType<typeof scanSegment> {
  const segment = FileSegment.adopt(file.directory, file.name, file.bytes, file.newestMillis);
  try {
    return await scanSegment(segment, visit);
  } finally {
    segment.close();
  }
}

async function* readFile(file: AdoptedFile, resources: PendingResources): AsyncGenerator<readonly ReadableLogRecord[]> {
  const origins = new OriginDecoder();
  const batches: ReadableLogRecord[][] = [];
  const segment = FileSegment.adopt(file.directory, file.name, file.bytes, file.newestMillis);
  const { position } = segment;
  await scanFile(file, (entry) => {
    if (entry.count === 0) return;
    try {
      const { records } = decodeEntry(entry.payload, entry.count, origins);
      batches.push(records.slice(entry.offset === position.offset ? position.skip : 0));
    } catch {
      // Of another version, or damaged in a way the checksum missed: passed over, as the scan counts it.
    }
  });
  for (const records of batches) {
    await resources.complete(records);
    yield records;
  }
}
