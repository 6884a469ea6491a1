import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { ReadableLogRecord } from '../../otel/log-record.ts';
import { PendingResources } from '../delivery/pending-resources.ts';
import { OriginDecoder } from '../spool/codec/origin-codec.ts';
import { decodeFrame } from '../spool/codec/frame-decoder.ts';
import { FileSegment } from '../spool/file-segment.ts';
import { addNewer, NOTHING_NEWER } from '../spool/known-format.ts';
import type { NewerContent } from '../spool/known-format.ts';
import { readBeat } from '../spool/heartbeat.ts';
import { newerIn, readOwner, understood } from '../spool/owner-content.ts';
import type { OwnerContent } from '../spool/owner-content.ts';
import { ownerIdOf, readDirectory } from '../spool/owner-directory.ts';
import type { OwnerState, OwnerWatch } from '../spool/owner-watch.ts';
import { scanSegment } from '../spool/segment-reader.ts';
import { DEAD_DIRECTORY, deadFiles, unknownDeadFiles } from './dead-letters.ts';

/** The content of one owner's directory, including what that owner had taken over. */
export interface OwnerReport {
  readonly id: string;
  /**
   * Whether its process runs and so ships these records. `waiting`: it ran on another host, in another container or
   * before the computer was restarted, so that only its heartbeat can tell, within a minute.
   */
  readonly process: OwnerState;
  /** Name of the host and id of its kernel's boot; `undefined` if the owner does not say. */
  readonly host: string | undefined;
  readonly boot: string | undefined;
  readonly segments: number;
  /** Unacknowledged frames, and the records in them. */
  readonly frames: number;
  readonly records: number;
  readonly bytes: number;
  /** When the oldest frame was written, in milliseconds since the epoch. */
  readonly oldestMillis: number | undefined;
  /** Number of damaged records, as far as known. */
  readonly damaged: number;
  /** The part that only a newer version of this package can read. If the owner is dead, it waits for that version. */
  readonly newer: NewerContent;
}

/** The content of a spool. */
export interface SpoolReport {
  readonly owners: readonly OwnerReport[];
  /** Records that the collector rejected. `newer`: further ones that only a newer version can read. */
  readonly dead: {
    readonly files: number;
    readonly records: number;
    readonly bytes: number;
    readonly newer: NewerContent;
  };
}

/** Reports what is in a spool without changing it. Rejects if the directory, or a file in it, cannot be read. */
export async function inspectSpool(root: string, watch: OwnerWatch): Promise<SpoolReport> {
  const found = statSync(root, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`the directory ${root} does not exist`);
  if (!found.isDirectory()) throw new Error(`${root} is not a directory`);
  const owners: OwnerReport[] = [];
  for (const name of readDirectory(root).owners) {
    const path = join(root, name);
    const state = await watch.look(path);
    owners.push(ownerReport(state, await readOwner(path)));
  }
  const { segments, records, newer } = await readDead(root);
  return { owners, dead: { files: segments.length, records, bytes: sum(segments, ({ bytes }) => bytes), newer } };
}

/**
 * Reads the records that no living process will ship, oldest first, one frame at a time: those of dead owners or, with
 * `'rejected'`, those that the collector rejected. Changes nothing. Leaves out damaged frames and what only a newer
 * version can read.
 */
export async function* readSpool(
  root: string,
  watch: OwnerWatch,
  which: 'pending' | 'rejected',
): AsyncGenerator<readonly ReadableLogRecord[]> {
  const resources = new PendingResources(0);
  const segments: FileSegment[] = [];
  if (which === 'rejected') segments.push(...(await readDead(root)).segments);
  else {
    for (const name of readDirectory(root).owners) {
      const path = join(root, name);
      if ((await watch.look(path)) !== 'dead') continue;
      for (const directory of understood(await readOwner(path))) {
        segments.push(...directory.segments.map(({ segment }) => segment));
        // Resources that were completed late come after their records.
        for (const blob of directory.resources) resources.learn(blob);
      }
    }
    segments.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  for (const segment of segments) yield* readRecords(segment, resources);
}

function ownerReport(state: OwnerState, content: OwnerContent): OwnerReport {
  const { host } = readBeat(content.directory);
  const directories = withAdopted(content);
  for (const { unreadable } of directories) for (const { error } of unreadable) throw error;
  const segments = directories.flatMap((each) => each.segments);
  const oldest = segments.flatMap(({ scan }) => scan.oldestMillis ?? []);
  const damaged = sum(segments, ({ scan }) => scan.damaged);
  return {
    id: ownerIdOf(basename(content.directory)),
    process: state,
    host: host?.name,
    boot: host?.boot,
    segments: segments.length,
    frames: sum(segments, ({ scan }) => scan.frames),
    records: sum(segments, ({ scan }) => scan.records) - damaged,
    bytes: sum(segments, ({ segment }) => segment.bytes),
    oldestMillis: oldest.length === 0 ? undefined : Math.min(...oldest),
    damaged,
    newer: newerIn(content),
  };
}

function withAdopted(content: OwnerContent): OwnerContent[] {
  return [content, ...content.adopted.flatMap(withAdopted)];
}

interface DeadContent {
  readonly segments: readonly FileSegment[];
  readonly records: number;
  readonly newer: NewerContent;
}

async function readDead(root: string): Promise<DeadContent> {
  const directory = join(root, DEAD_DIRECTORY);
  const segments: FileSegment[] = [];
  let records = 0;
  let newer = NOTHING_NEWER;
  for (const { path, bytes } of deadFiles(directory)) {
    const segment = FileSegment.adopt(dirname(path), basename(path), bytes, 0);
    const scan = await scanFile(segment);
    const count = scan.records - scan.damaged;
    if (scan.hasNewer) newer = addNewer(newer, { records: count, bytes, files: 1 });
    else {
      segments.push(segment);
      records += count;
    }
  }
  for (const { bytes } of unknownDeadFiles(directory)) newer = addNewer(newer, { records: 0, bytes, files: 1 });
  return { segments, records, newer };
}

async function scanFile(
  segment: FileSegment,
  visit: Parameters<typeof scanSegment>[1] = () => {},
): ReturnType<typeof scanSegment> {
  try {
    return await scanSegment(segment, visit);
  } finally {
    segment.close();
  }
}

async function* readRecords(
  segment: FileSegment,
  resources: PendingResources,
): AsyncGenerator<readonly ReadableLogRecord[]> {
  const origins = new OriginDecoder();
  const batches: ReadableLogRecord[][] = [];
  const { position } = segment;
  await scanFile(segment, (frame) => {
    if (frame.count === 0) return;
    try {
      const { records } = decodeFrame(frame.payload, frame.count, origins);
      batches.push(records.slice(frame.offset === position.offset ? position.skip : 0));
    } catch {
      // The checksum missed this damage: left out, like other damage.
    }
  });
  for (const records of batches) {
    await resources.complete(records);
    yield records;
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
