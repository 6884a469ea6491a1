import {
  appendFileSync,
  copyFileSync,
  existsSync,
  fstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import fileSystem from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { HEADER_BYTES, writeHeader } from '../../../src/export/spool/codec/frame.ts';
import { RECORDS_FORMAT } from '../../../src/export/spool/codec/frame-format.ts';
import type { SpoolBatch } from '../../../src/export/spool/spool-batch.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { runs } from '../../support/properties.ts';
import { numbers, openSpool as open, segmentPaths } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

describe('a spool whose place something else has taken', () => {
  const diagnostics = recordDiagnostics();

  test('is said to be written to again when it is, not for the file that is still open', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const root = join(temporaryDirectory(), 'spool');
    mkdirSync(root, { mode: 0o700 });
    const { spool, append, drain, lost } = open(root);
    const said = (text: string): number => diagnostics.lines.filter((line) => line.includes(text)).length;
    append(1);
    renameSync(root, `${root}-away`);
    writeFileSync(root, '');
    for (let second = 0; second < 20; second += 1) {
      vi.advanceTimersByTime(1_000);
      spool.checkPlace();
      vi.advanceTimersByTime(200);
      append(1);
    }
    expect([said('cannot be written to'), said('can be written to again')]).toEqual([1, 0]);
    unlinkSync(root);
    vi.advanceTimersByTime(6_000);
    spool.checkPlace();
    append(1);
    expect([said('cannot be written to'), said('can be written to again')]).toEqual([1, 1]);
    expect(spool.persistAll()).toBe(0);
    expect((await drain()).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 22));
    expect(lost.toJSON()).toEqual({});
  });
});

describe('a file that was replaced by a copy of it', () => {
  const diagnostics = recordDiagnostics();

  test('is written again in its place: records go on to the disk, and nothing is lost', async () => {
    const root = temporaryDirectory();
    const { spool, append, drain, lost } = open(root);
    append(2);
    const [path] = segmentPaths(root) as [string];
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
    spool.checkPlace();
    append(1);
    expect(spool.persistAll()).toBe(0);
    expect(diagnostics.lines.filter((line) => line.includes('cannot be written to'))).toEqual([]);
    expect(await drain()).toEqual(numbers(1, 3));
    expect(lost.toJSON()).toEqual({});
  });
});

describe('a file that another host has removed, over a network', () => {
  const diagnostics = recordDiagnostics();

  /** Runs the action while no removed file can be read, though it is open. */
  function whileStale(action: () => void): void {
    const { readSync } = fileSystem;
    const patch = (own: typeof readSync): void => {
      fileSystem.readSync = own;
      syncBuiltinESMExports();
    };
    patch(((...args: Parameters<typeof readSync>) => {
      if (fstatSync(args[0]).nlink > 0) return readSync(...args);
      throw Object.assign(new Error('ESTALE: stale file handle'), { code: 'ESTALE' });
    }) as typeof readSync);
    try {
      action();
    } finally {
      patch(readSync);
    }
  }

  test('is counted and said, and does not keep the others from being written again', async () => {
    const root = temporaryDirectory();
    const { spool, append, drain, lost } = open(root, { maxBytes: 65_536 });
    for (let i = 0; i < 7; i += 1) append(10, 'x'.repeat(700));
    const paths = segmentPaths(root);
    expect(paths.length).toBeGreaterThan(5);
    // The other host has the directory, and has sent the oldest file.
    renameSync(join(paths[0] as string, '..'), join(root, 'taken'));
    unlinkSync(join(root, 'taken', basename(paths[0] as string)));
    whileStale(() => {
      expect(spool.persistAll()).toBe(0);
    });
    expect(lost.toJSON()).toEqual({ spool_removed: 10 });
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain('10 records are lost');
    expect((await drain()).map((body) => Number.parseInt(String(body), 10))).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 11),
    );
  });

  test('is not lost while it is being sent', async () => {
    const root = temporaryDirectory();
    const { spool, append, lost } = open(root);
    append(3);
    const batch = (await spool.own.read(512, 1e6)) as SpoolBatch;
    batch.hold();
    const [path] = segmentPaths(root) as [string];
    unlinkSync(path);
    whileStale(() => spool.checkPlace());
    expect(spool.own.pending).toBe(3);
    batch.release();
    batch.settle(0, 3, 'delivered');
    expect(spool.own.pending).toBe(0);
    whileStale(() => spool.checkPlace());
    expect(lost.toJSON()).toEqual({});
  });
});

describe('appending and reading', () => {
  test('records come back in the order written, in batches of any size, also while more are appended', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 15 }),
        fc.integer({ min: 1, max: 30 }),
        async (frames, maxRecords) => {
          const { spool, append, lost } = open(temporaryDirectory());
          const bodies: unknown[] = [];
          for (const count of frames) {
            append(count);
            const batch = (await spool.own.read(maxRecords, 1_000_000)) as SpoolBatch;
            expect(batch.length).toBeLessThanOrEqual(maxRecords);
            bodies.push(...batch.records.map((record) => record.body));
            batch.settle(0, batch.length, 'delivered');
          }
          for (
            let batch = await spool.own.read(maxRecords, 1e6);
            batch;
            batch = await spool.own.read(maxRecords, 1e6)
          ) {
            bodies.push(...batch.records.map((record) => record.body));
            batch.settle(0, batch.length, 'delivered');
          }
          const total = frames.reduce((sum, count) => sum + count, 0);
          expect(bodies).toStrictEqual(numbers(1, total));
          expect(spool.own.pending).toBe(0);
          expect(lost.toJSON()).toStrictEqual({});
          await spool.close();
        },
      ),
      runs(50),
    );
  });

  test('an idle folder holds no segment, and the next record makes a new one', async () => {
    const root = temporaryDirectory();
    const { spool, append, drain } = open(root);
    append(3);
    expect(segmentPaths(root)).toHaveLength(1);
    await drain();
    spool.closeIdle();
    expect(segmentPaths(root)).toStrictEqual([]);
    expect(spool.bytes).toBe(0);
    append(2);
    expect(await drain()).toStrictEqual(['4', '5']);
  });

  test('files are 0600 and directories 0700', () => {
    const root = join(temporaryDirectory(), 'spool');
    mkdirSync(root, { mode: 0o700 });
    const { append } = open(root);
    append(1);
    const [path] = segmentPaths(root) as [string];
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(join(path, '..')).mode & 0o777).toString(8)).toBe('700');
  });

  test('a batch is bounded by bytes too', async () => {
    const { spool, append } = open(temporaryDirectory());
    for (let i = 0; i < 20; i += 1) append(1, 'x'.repeat(100_000));
    const batch = (await spool.own.read(512, 1_000_000)) as SpoolBatch;
    expect(batch.length).toBeGreaterThanOrEqual(9);
    expect(batch.length).toBeLessThanOrEqual(11);
  });
});

describe('the byte bound', () => {
  test('the oldest segment goes, counted exactly, and never the one in flight', async () => {
    const { spool, append, drain, lost } = open(temporaryDirectory(), { maxBytes: 80_000 });
    append(10, 'x'.repeat(100));
    const inFlight = (await spool.own.read(5, 1_000_000)) as SpoolBatch;
    inFlight.hold();
    for (let i = 0; i < 100; i += 1) append(10, 'x'.repeat(100));
    expect(spool.bytes).toBeLessThanOrEqual(80_000);
    const dropped = lost.get('spool_full');
    expect(dropped).toBeGreaterThan(100);
    inFlight.release();
    inFlight.settle(0, inFlight.length, 'delivered');
    const rest = await drain();
    expect(inFlight.length + dropped + rest.length).toBe(1_010);
    // The segment in flight stayed whole; behind it the oldest went.
    expect(rest[0]).toMatch(/^6x/);
    expect(rest.at(-1)).toMatch(/^1010x/);
  });

  test('a batch that waits loses the records of a segment that is dropped, and keeps the rest', async () => {
    const { spool, append, lost } = open(temporaryDirectory(), { maxBytes: 80_000 });
    for (let i = 0; i < 12; i += 1) append(10, 'x'.repeat(100));
    const waiting = (await spool.own.read(120, 1_000_000)) as SpoolBatch;
    expect(waiting.length).toBe(120);
    const [first] = spool.own.segments;
    spool.own.drop(first as NonNullable<typeof first>, 'spool_full');
    const left = waiting.unsettled();
    expect(left.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(120 - lost.get('spool_full'));
    for (const { from, to } of left) waiting.settle(from, to, 'delivered');
    expect(spool.own.pending).toBe(0);
  });

  test('a segment that begins with a late resource takes the frame behind it, however large that is', async () => {
    const root = temporaryDirectory();
    const { spool, append, drain, lost } = open(root, { maxBytes: 80_000 });
    append(1, 'x'.repeat(9_500));
    spool.appendResource(Buffer.alloc(600));
    append(1, 'x'.repeat(9_500));
    expect(segmentPaths(root)).toHaveLength(2);
    expect(spool.persistAll()).toBe(0);
    expect((await drain()).map((body) => String(body).slice(0, 2))).toStrictEqual(['1x', '2x']);
    expect(lost.toJSON()).toStrictEqual({});
  });

  test('a frame beyond the bound is refused and counted, once', async () => {
    const { spool, append, drain, lost } = open(temporaryDirectory(), { maxBytes: 80_000 });
    append(1);
    append(1, 'x'.repeat(100_000));
    append(1);
    expect(lost.toJSON()).toStrictEqual({ too_large: 1 });
    expect(await drain()).toStrictEqual(['1', '3']);
    expect(lost.toJSON()).toStrictEqual({ too_large: 1 });
    expect(spool.own.pending).toBe(0);
  });
});

describe('after a crash', () => {
  test('another process takes over what is left, without what was acknowledged, and removes the directory when done', async () => {
    const root = temporaryDirectory();
    const first = open(root);
    first.append(10);
    first.append(10);
    const batch = (await first.spool.own.read(13, 1e6)) as SpoolBatch;
    batch.settle(0, 13, 'delivered');
    await first.spool.close();
    const second = open(root);
    second.append(1);
    await second.spool.adopt();
    expect(second.spool.adopted.pending).toBe(7);
    expect(await second.drain('adopted')).toStrictEqual(numbers(14, 20));
    expect(await second.drain()).toStrictEqual(['1']);
    expect(segmentPaths(root)).toHaveLength(1);
    expect(readdirSync(root)).toHaveLength(1);
  });

  test('a living owner is left alone', async () => {
    const root = temporaryDirectory();
    const first = open(root);
    first.append(10);
    const second = open(root);
    await second.spool.adopt();
    expect(second.spool.adopted.pending).toBe(0);
    expect(await first.drain()).toHaveLength(10);
  });

  test('of several that adopt at once each record goes to one', async () => {
    const root = temporaryDirectory();
    for (let i = 0; i < 6; i += 1) {
      const dead = open(root);
      dead.append(10, `-${i}`);
      await dead.spool.close();
    }
    const others = [open(root), open(root), open(root)];
    await Promise.all(others.map(({ spool }) => spool.adopt()));
    const bodies = (await Promise.all(others.map(({ drain }) => drain('adopted')))).flat();
    expect(new Set(bodies).size).toBe(60);
    expect(bodies).toHaveLength(60);
  });

  test('what an owner had adopted itself is taken over with it, without deeper nesting', async () => {
    const root = temporaryDirectory();
    for (let generation = 0; generation < 5; generation += 1) {
      // One in each millisecond: that is how owners are put in order.
      const owner = open(root, { now: () => 1_000_000 + generation });
      owner.append(1, `-${generation}`);
      await owner.spool.adopt();
      await owner.spool.close();
    }
    const last = open(root);
    await last.spool.adopt();
    expect(Math.max(...segmentPaths(root).map((path) => path.slice(root.length).split('/').length))).toBe(4);
    expect(await last.drain('adopted')).toStrictEqual([0, 1, 2, 3, 4].map((generation) => `1-${generation}`));
  });

  test('a second dead owner waits until there is room for it', async () => {
    const root = temporaryDirectory();
    for (let i = 0; i < 2; i += 1) {
      const dead = open(root, { maxBytes: 80_000 });
      for (let j = 0; j < 40; j += 1) dead.append(10, 'x'.repeat(100));
      await dead.spool.close();
    }
    const { spool, drain, lost } = open(root, { maxBytes: 80_000 });
    await spool.adopt();
    expect(await drain('adopted')).toHaveLength(400);
    await spool.adopt();
    expect(await drain('adopted')).toHaveLength(400);
    expect(lost.toJSON()).toStrictEqual({});
  });

  test('a damaged acknowledgement means the start', async () => {
    const root = temporaryDirectory();
    const first = open(root);
    first.append(10);
    const batch = (await first.spool.own.read(5, 1e6)) as SpoolBatch;
    batch.settle(0, 5, 'delivered');
    await first.spool.close();
    const [path] = segmentPaths(root) as [string];
    const bytes = readFileSync(`${path}.ack`);
    bytes[0] = (bytes[0] as number) ^ 1;
    writeFileSync(`${path}.ack`, bytes);
    const second = open(root);
    await second.spool.adopt();
    expect(await second.drain('adopted')).toHaveLength(10);
  });

  test('files that are not ours are left alone', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'o-notes.txt'), 'mine');
    mkdirSync(join(root, 'data'));
    const dead = open(root);
    dead.append(1);
    writeFileSync(join(dead.spool.own.segments[0]?.directory as string, 'README'), 'mine');
    await dead.spool.close();
    const { spool, drain } = open(root);
    await spool.adopt();
    expect(await drain('adopted')).toHaveLength(1);
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => /README|notes|data/.test(name))).toHaveLength(3);
  });
});

describe('damaged files', () => {
  test('what follows a file that was given up while it was written to is sent', async () => {
    const root = temporaryDirectory();
    const { spool, append, drain, lost } = open(root);
    append(1);
    const first = (await spool.own.read(1, 1_000_000)) as SpoolBatch;
    const [path] = segmentPaths(root) as [string];
    const { size } = statSync(path);
    append(1);
    truncateSync(path, size);
    await expect(spool.own.read(1, 1_000_000)).rejects.toThrow('is shorter than it was');
    spool.own.giveUpReading();
    append(1);
    first.settle(0, 1, 'delivered');
    append(1);
    expect(await drain()).toEqual(['3', '4']);
    expect(spool.own.pending).toBe(0);
    expect(lost.toJSON()).toEqual({ damaged: 1 });
  });

  const kinds = ['cut', 'flipped bit', 'zeroed block'] as const;
  const seeds = Array.from({ length: 36 }, (_, i) => ({ kind: kinds[i % 3] as (typeof kinds)[number], seed: i }));

  test.each(seeds)('$kind $seed: the damaged frames only are lost, and counted', async ({ kind, seed }) => {
    const random = generator(seed);
    const root = temporaryDirectory();
    const dead = open(root, { maxBytes: 200_000 });
    for (let i = 0; i < 100; i += 1) dead.append(10, 'x'.repeat(50));
    await dead.spool.close();
    const paths = segmentPaths(root);
    expect(paths.length).toBeGreaterThan(3);
    const path = paths[Math.floor(random() * paths.length)] as string;
    const bytes = readFileSync(path);
    const at = Math.floor(random() * bytes.length);
    let damagedBytes = 1;
    if (kind === 'cut') {
      truncateSync(path, at);
      damagedBytes = bytes.length - at;
    } else if (kind === 'flipped bit') {
      bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
      writeFileSync(path, bytes);
    } else {
      damagedBytes = Math.min(4_096, bytes.length - at);
      bytes.fill(0, at, at + damagedBytes);
      writeFileSync(path, bytes);
    }
    const { spool, drain, lost } = open(root, { maxBytes: 200_000 });
    await spool.adopt();
    const bodies = (await drain('adopted')) as string[];
    expect(new Set(bodies).size).toBe(bodies.length);
    expect(bodies.map((body) => Number.parseInt(body, 10))).toStrictEqual(
      bodies.map((body) => Number.parseInt(body, 10)).toSorted((a, b) => a - b),
    );
    // Whole frames of 10 are lost: those touched, no other.
    expect(bodies.length % 10).toBe(0);
    const frames = (1_000 - bodies.length) / 10;
    expect(frames).toBeGreaterThanOrEqual(1);
    expect(frames).toBeLessThanOrEqual(Math.ceil(damagedBytes / 700) + 1);
    // Exact, but where the very end of all is gone: nothing tells how many frames it was.
    const isVeryEnd = path === paths.at(-1) && at + damagedBytes >= bytes.length;
    if (!isVeryEnd) expect(lost.toJSON()).toStrictEqual({ damaged: 1_000 - bodies.length });
    expect(spool.adopted.pending).toBe(0);
  });

  test('a frame that is damaged after a part of it was acknowledged costs the rest of it only', async () => {
    const root = temporaryDirectory();
    const dead = open(root);
    dead.append(10);
    dead.append(10);
    const batch = (await dead.spool.own.read(4, 1e6)) as SpoolBatch;
    batch.settle(0, 4, 'delivered');
    await dead.spool.close();
    const [path] = segmentPaths(root) as [string];
    const bytes = readFileSync(path);
    bytes[60] = (bytes[60] as number) ^ 1;
    writeFileSync(path, bytes);
    const { spool, drain, lost } = open(root);
    await spool.adopt();
    expect(spool.adopted.pending).toBe(16);
    expect(await drain('adopted')).toStrictEqual(numbers(11, 20));
    expect(spool.adopted.pending).toBe(0);
    expect(lost.toJSON()).toStrictEqual({ damaged: 6 });
  });

  test('a file of random bytes, an empty one and one with an odd name do not stop the others', async () => {
    const root = temporaryDirectory();
    const dead = open(root);
    dead.append(5);
    await dead.spool.close();
    const [path] = segmentPaths(root) as [string];
    const directory = join(path, '..');
    const random = generator(1);
    const noise = Buffer.from(Array.from({ length: 10_000 }, () => Math.floor(random() * 256)));
    writeFileSync(join(directory, '0000000000001-00000000-000000000000001.seg'), noise);
    writeFileSync(join(directory, '0000000000002-00000000-000000000000001.seg'), '');
    writeFileSync(join(directory, 'oddly-named.seg'), 'text');
    const { spool, drain } = open(root);
    await spool.adopt();
    expect(await drain('adopted')).toStrictEqual(numbers(1, 5));
    expect(segmentPaths(root)).toStrictEqual([]);
  });

  test.each([
    { what: 'a number of records', count: 0xffff_ffff, ordinal: 6 },
    { what: 'a number of its first record', count: 1, ordinal: 2 ** 32 + 7 },
  ])('a frame that claims $what beyond all measure counts as what its bytes could hold', async ({ count, ordinal }) => {
    const root = temporaryDirectory();
    const dead = open(root);
    dead.append(5);
    await dead.spool.close();
    const [path] = segmentPaths(root) as [string];
    // Its checksum is right.
    const frame = Buffer.alloc(HEADER_BYTES + 100);
    frame[HEADER_BYTES] = RECORDS_FORMAT;
    writeHeader(frame, count, ordinal);
    appendFileSync(path, frame);
    const { spool, drain, lost } = open(root);
    await spool.adopt();
    expect(spool.adopted.pending).toBeLessThanOrEqual(15);
    expect(await drain('adopted')).toStrictEqual(numbers(1, 5));
    expect(lost.get('damaged')).toBeGreaterThanOrEqual(1);
    expect(lost.get('damaged')).toBeLessThanOrEqual(10);
    expect(spool.adopted.pending).toBe(0);
  });

  test('a damaged end counts at most as what a whole file could hold, whatever the next name says', async () => {
    const root = temporaryDirectory();
    const dead = open(root, { maxBytes: 65_536 });
    dead.append(10, 'x'.repeat(900));
    dead.append(10, 'x'.repeat(900));
    await dead.spool.close();
    const [first, second] = segmentPaths(root) as [string, string];
    truncateSync(first, statSync(first).size - 5);
    renameSync(second, second.replace(/\d{15}(?=\.seg$)/, '999999999999999'));
    const { spool, drain, lost } = open(root);
    await spool.adopt();
    await drain('adopted');
    expect(lost.get('damaged')).toBeGreaterThanOrEqual(10);
    expect(lost.get('damaged')).toBeLessThan(1_000_000);
    expect(spool.adopted.pending).toBe(0);
  });

  test('bytes damaged while the process runs cost their frame, and do not block what follows', async () => {
    const root = temporaryDirectory();
    const { spool, append, drain, lost } = open(root);
    append(3);
    append(3);
    const [path] = segmentPaths(root) as [string];
    const bytes = readFileSync(path);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
    writeFileSync(path, bytes);
    expect(await drain()).toStrictEqual(numbers(1, 3));
    expect(spool.own.pending).toBe(0);
    append(3);
    expect(await drain()).toStrictEqual(numbers(7, 9));
    expect(lost.toJSON()).toStrictEqual({ damaged: 3 });
  });
});

describe('the age bound', () => {
  test('frames that waited too long are dropped when their turn comes, and whole segments before', async () => {
    let now = 1_000_000;
    const { spool, append, drain, lost } = open(temporaryDirectory(), {
      maxAgeMillis: 1_000,
      now: () => now,
      maxBytes: 70_000,
    });
    append(2, 'x'.repeat(8_000));
    now += 900;
    append(2);
    now += 900;
    append(2);
    expect(spool.own.segments.length).toBeGreaterThan(1);
    spool.dropAged();
    expect(lost.toJSON()).toStrictEqual({ expired: 2 });
    now += 500;
    expect(await drain()).toStrictEqual(['5', '6']);
    expect(lost.toJSON()).toStrictEqual({ expired: 4 });
  });

  test('a batch knows how much of it is too old', async () => {
    let now = 1_000_000;
    const { spool, append } = open(temporaryDirectory(), { now: () => now });
    append(2);
    now += 100;
    append(3);
    const batch = (await spool.own.read(512, 1e6)) as SpoolBatch;
    expect(batch.olderThan(now)).toBe(2);
    expect(batch.olderThan(now + 1)).toBe(5);
  });
});

test('a directory that was never finished is removed after a minute, on our clock', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const root = temporaryDirectory();
  const unborn = (): string[] => readdirSync(root).filter((name) => name.startsWith('n-'));
  mkdirSync(join(root, 'n-0000000000001-00000000'));
  // The clock of the host that makes it may show any time.
  utimesSync(join(root, 'n-0000000000001-00000000'), new Date(0), new Date(0));
  const { spool } = open(root);
  for (let seconds = 0; seconds < 60; seconds += 10) {
    await spool.adopt();
    expect(unborn(), `after ${seconds} s`).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
  }
  mkdirSync(join(root, 'n-0000000000002-00000000'));
  await spool.adopt();
  expect(unborn()).toStrictEqual(['n-0000000000002-00000000']);
});

test.skipIf(process.platform === 'win32')('a link named like an unfinished directory is not followed', async () => {
  const root = temporaryDirectory();
  const elsewhere = temporaryDirectory();
  // Somebody else's socket, which nobody listens on any more.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(elsewhere, 'listening'), resolve));
  renameSync(join(elsewhere, 'listening'), join(elsewhere, 's'));
  await new Promise((resolve) => server.close(resolve));
  utimesSync(elsewhere, new Date(0), new Date(0));
  const link = join(root, 'n-0000000000001-00000000');
  symlinkSync(elsewhere, link);
  lutimesSync(link, new Date(0), new Date(0));
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { spool } = open(root);
  for (let i = 0; i < 8; i += 1) {
    await spool.adopt();
    vi.advanceTimersByTime(10_000);
  }
  expect(existsSync(join(elsewhere, 's'))).toBe(true);
});

/** Numbers from 0 to 1 that are the same in each run. */
function generator(seed: number): () => number {
  let state = (seed + 1) * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_507) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}
