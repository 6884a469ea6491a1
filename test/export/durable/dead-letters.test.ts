import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { DeadLetters } from '../../../src/export/durable/dead-letters.ts';
import type { ReadableLogRecord } from '../../../src/otel/log-record.ts';
import { inspectSpool } from '../../../src/export/durable/spool-report.ts';
import { OwnerWatch } from '../../../src/export/spool/owner-watch.ts';
import { cannotMount, mountTmpfs } from '../../support/loop-disk.ts';
import { framesOf, newerFrame } from '../../support/newer-version.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const RECORD = {
  resource: { attributes: {} },
  instrumentationScope: { name: 's' },
  attributes: {},
  hrTime: [1, 1],
  hrTimeObserved: [1, 1],
  body: 'x'.repeat(1_000),
  droppedAttributesCount: 0,
} as unknown as ReadableLogRecord;

function deadLettersIn(root: string, losses: unknown[]): DeadLetters {
  let now = 1_000;
  return new DeadLetters(root, { maxBytes: 70_000, now: () => (now += 1), onLost: (...loss) => losses.push(loss) });
}

test('writers of one process id, as threads and containers are, have files of their own', () => {
  const root = temporaryDirectory();
  const losses: unknown[] = [];
  const writers = [1, 2, 3].map(() => deadLettersIn(root, losses));
  for (const writer of writers) writer.add(RECORD);
  expect(readdirSync(join(root, 'dead'))).toHaveLength(3);
  expect(losses).toEqual([]);
});

test.each(['file', 'directory'])('a %s that was removed or moved is made again, and costs no record', (what) => {
  const root = temporaryDirectory();
  const directory = join(root, 'dead');
  const losses: unknown[] = [];
  const dead = deadLettersIn(root, losses);
  dead.add(RECORD);
  if (what === 'file') renameSync(join(directory, readdirSync(directory)[0] ?? ''), join(root, 'moved'));
  else rmSync(directory, { recursive: true });
  dead.add(RECORD);
  dead.add(RECORD);
  expect(readdirSync(directory)).toHaveLength(1);
  expect(losses).toEqual([]);
});

/** Adds records until the condition holds. */
function addUntil(dead: DeadLetters, condition: () => boolean): void {
  for (let i = 0; i < 500 && !condition(); i += 1) dead.add(RECORD);
  expect(condition()).toBe(true);
}

/** Adds records until so many files are there. Returns the paths, oldest first. */
function fillFiles(dead: DeadLetters, root: string, files: number): string[] {
  dead.add(RECORD);
  const directory = join(root, 'dead');
  const paths = (): string[] => readdirSync(directory).map((name) => join(directory, name));
  addUntil(dead, () => paths().length === files);
  return paths().toSorted();
}

test('at the limit the oldest file goes, and its records are counted: none of a cut frame, all behind damage', () => {
  const root = temporaryDirectory();
  const losses: [string, number][] = [];
  const dead = deadLettersIn(root, losses);
  const [oldest = '', second = '', third = ''] = fillFiles(dead, root, 4);
  const [whole, ...others] = framesOf(oldest);
  // A process was killed while it wrote, or the disk was full.
  truncateSync(oldest, statSync(oldest).size - 10);
  const bytes = readFileSync(second);
  bytes[200] = (bytes[200] ?? 0) ^ 0xff;
  writeFileSync(second, bytes);
  const kept = framesOf(third).length;
  addUntil(dead, () => losses.length === 3);
  expect(whole?.count).toBe(1);
  expect(losses).toEqual([
    ['dead_full', others.length],
    ['dead_full', others.length],
    ['dead_full', kept],
  ]);
  expect(readdirSync(join(root, 'dead'))).not.toContain(oldest);
});

test('a record that is larger than the limit is counted as lost, and drops no other', () => {
  const root = temporaryDirectory();
  const losses: unknown[] = [];
  const dead = deadLettersIn(root, losses);
  dead.add(RECORD);
  dead.add({ ...RECORD, body: 'x'.repeat(80_000) });
  expect(losses.at(-1)).toEqual(['dead_full', 1]);
  const inDirectory = readdirSync(join(root, 'dead'));
  dead.add(RECORD);
  expect(inDirectory.length + losses.length).toBe(2);
});

test('what a newer version wrote is neither deleted nor counted, and takes no room from others', () => {
  const root = temporaryDirectory();
  const losses: unknown[] = [];
  const dead = deadLettersIn(root, losses);
  // It must not push out the one that is older.
  const [, second = ''] = fillFiles(dead, root, 3);
  const newer = Buffer.concat([readFileSync(second), newerFrame(9, 5, 1, Buffer.alloc(100_000))]);
  writeFileSync(second, newer);
  for (let i = 0; i < 20; i += 1) dead.add(RECORD);
  expect(losses).toEqual([]);
  expect(readFileSync(second).equals(newer)).toBe(true);
});

test('where the directory cannot be made, each record is counted', () => {
  const root = temporaryDirectory();
  const losses: unknown[] = [];
  writeFileSync(join(root, 'dead'), '');
  const dead = deadLettersIn(root, losses);
  dead.add(RECORD);
  dead.add(RECORD);
  expect(losses).toEqual([
    ['dead_unwritable', 1],
    ['dead_unwritable', 1],
  ]);
  rmSync(join(root, 'dead'));
  dead.add(RECORD);
  expect(losses).toHaveLength(2);
  expect(dead.records).toBe(3);
});

test.skipIf(cannotMount !== undefined)(
  `a disk that takes only a part of a record costs that one, which is counted${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
  async () => {
    const disk = mountTmpfs('1m');
    onTestFinished(() => disk.remove());
    const losses: unknown[] = [];
    const dead = deadLettersIn(disk.path, losses);
    dead.add(RECORD);
    const filling = join(disk.path, 'filling');
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(filling, Buffer.alloc((bavail - 1) * bsize));
    dead.add({ ...RECORD, body: 'x'.repeat(4 * bsize) });
    expect(losses).toEqual([['dead_unwritable', 1]]);
    rmSync(filling);
    dead.add(RECORD);
    expect(losses).toHaveLength(1);
    expect((await inspectSpool(disk.path, new OwnerWatch(disk.path))).dead).toMatchObject({ records: 2 });
  },
);
