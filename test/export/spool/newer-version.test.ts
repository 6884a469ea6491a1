import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fileSystem from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { encodeResource } from '../../../src/export/spool/codec/origin-codec.ts';
import { isKnownPayload } from '../../../src/export/spool/known-format.ts';
import { readOwner } from '../../../src/export/spool/owner-content.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { framesOf, newerFrame, reformat, snapshot } from '../../support/newer-version.ts';
import { runs } from '../../support/properties.ts';
import { numbers, openSpool, segmentPaths } from '../../support/spool-harness.ts';
import type { SpoolHarness } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const diagnostics = recordDiagnostics();

/** Runs the action while opening a segment fails, as when the process has no descriptor left. */
async function withoutDescriptors(action: () => Promise<unknown>): Promise<void> {
  const { openSync } = fileSystem;
  const patch = (own: typeof openSync): void => {
    fileSystem.openSync = own;
    syncBuiltinESMExports();
  };
  patch((path, ...rest) => {
    if (!String(path).endsWith('.seg')) return openSync(path, ...rest);
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  });
  try {
    await action();
  } finally {
    patch(openSync);
  }
}

/** Owners are put in order by the time of their start. */
let clock = 1_700_000_000_000;

/** The directory of an owner that died with records of these counts, a frame each. */
async function deadOwner(root: string, counts: readonly number[], text = ''): Promise<string> {
  clock += 1;
  const dead = openSpool(root, { maxBytes: 1e6, now: () => clock });
  for (const count of counts) dead.append(count, text);
  const directory = dead.spool.own.segments[0]?.directory as string;
  await dead.spool.close();
  return directory;
}

/** What is in the directory was written by the next version. */
function rollBack(directory: string): void {
  for (const path of segmentPaths(directory)) reformat(path, 1, 2);
}

/** A spool that has looked at everything in the root, three times over. */
async function nextProcess(root: string, options?: Parameters<typeof openSpool>[1]): Promise<SpoolHarness> {
  const harness = openSpool(root, options);
  for (let i = 0; i < 3; i += 1) await harness.spool.adopt();
  return harness;
}

/** Root may list every directory: then it is done as another user, to whom the paths belong meanwhile. */
async function asUser(paths: readonly string[], action: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return action();
  for (const path of paths) chownSync(path, 65_534, 65_534);
  process.seteuid?.(65_534);
  try {
    await action();
  } finally {
    process.seteuid?.(0);
    for (const path of paths) chownSync(path, 0, 0);
  }
}

const unknownFormat = fc.integer({ min: 0, max: 255 }).filter((format) => format !== 1);
/** A frame of a newer version: with records, or about none (0 to 2 are resources there). */
const newer = fc.oneof(
  fc.record({ format: unknownFormat, count: fc.integer({ min: 1, max: 1_000 }), rest: fc.uint8Array() }),
  fc.record({ format: fc.integer({ min: 3, max: 255 }), count: fc.constant(0), rest: fc.uint8Array() }),
);

describe('what a newer version left in a spool', () => {
  test('frames of any unknown format, at any place among known ones: nothing is touched, own records go out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant('known' as const), newer), { minLength: 1, maxLength: 8 }),
        newer,
        fc.nat(8),
        async (frames, one, at) => {
          const root = temporaryDirectory();
          const directory = await deadOwner(root, [1]);
          const [path] = segmentPaths(root) as [string];
          const [known] = framesOf(path);
          const bytes = readFileSync(path).subarray(known?.start, known?.end);
          const all = [...frames.slice(0, at), one, ...frames.slice(at)];
          writeFileSync(path, '');
          for (const [i, frame] of all.entries()) {
            appendFileSync(path, frame === 'known' ? bytes : newerFrame(frame.format, frame.count, i + 1, frame.rest));
          }
          const before = snapshot(directory);
          const { spool, append, drain, lost } = await nextProcess(root);
          append(5);
          expect(spool.adopted.segments).toStrictEqual([]);
          expect(await drain()).toStrictEqual(numbers(1, 5));
          await spool.close();
          expect(snapshot(directory)).toStrictEqual(before);
          expect(lost.toJSON()).toStrictEqual({});
          expect(spool.newer).toMatchObject({ bytes: readFileSync(path).length, files: 1 });
        },
      ),
      runs(60),
    );
  });

  test('is counted and said once, however often it is looked at', async () => {
    const root = temporaryDirectory();
    const directories = [await deadOwner(root, [10, 20]), await deadOwner(root, [3])];
    for (const directory of directories) rollBack(directory);
    const { spool } = await nextProcess(root);
    expect(spool.newer).toMatchObject({ records: 33, files: 2 });
    expect(spool.adopted.pending).toBe(0);
    expect(spool.bytes).toBe(0);
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain('a newer version of this package left 33 log records in the spool');
    expect(diagnostics.lines[0]).toContain(`otel-session-logs spool ${root}`);
    // The newer version comes and takes them.
    for (const directory of directories) renameSync(directory, join(temporaryDirectory(), basename(directory)));
    await spool.adopt();
    expect(spool.newer).toStrictEqual({ records: 0, bytes: 0, files: 0 });
  });

  test('a mark of an unknown kind keeps the records before it, in other files too, from being sent', async () => {
    const root = temporaryDirectory();
    const directory = await deadOwner(
      root,
      Array.from({ length: 40 }, () => 10),
      'x'.repeat(1_000),
    );
    const paths = segmentPaths(root);
    expect(paths.length).toBeGreaterThan(2);
    appendFileSync(paths.at(-1) as string, newerFrame(3, 0, 401));
    const before = snapshot(directory);
    const { spool, drain } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual([]);
    expect(spool.newer.records).toBe(400);
    expect(snapshot(directory)).toStrictEqual(before);
  });

  test('what its owner had taken over waits with it; an owner that had taken it over does not', async () => {
    const root = temporaryDirectory();
    const oldest = await deadOwner(root, [1], ' oldest');
    const rolledBack = await deadOwner(root, [2], ' newer');
    const adopter = await deadOwner(root, [3], ' adopter');
    rollBack(rolledBack);
    renameSync(oldest, join(rolledBack, basename(oldest)));
    renameSync(rolledBack, join(adopter, basename(rolledBack)));
    const before = Object.values(snapshot(join(adopter, basename(rolledBack))));
    const { spool, drain, lost } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual(['1 adopter', '2 adopter', '3 adopter']);
    expect(lost.toJSON()).toStrictEqual({});
    // Back in the root, where the newer version finds it while this process lives.
    expect(Object.values(snapshot(rolledBack))).toStrictEqual(before);
    expect(existsSync(adopter)).toBe(false);
    expect(spool.newer).toMatchObject({ records: 3, files: 2 });
  });

  test.each(['.seg2', '.seg.ack2', '-marks', '.idx'])('a file of ours with the unknown ending %s', async (ending) => {
    const root = temporaryDirectory();
    const directory = await deadOwner(root, [4]);
    writeFileSync(join(directory, `${basename(directory).slice(2)}-000000000000005${ending}`), 'whatever');
    const before = snapshot(directory);
    const { spool, drain } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual([]);
    expect(snapshot(directory)).toStrictEqual(before);
    expect(spool.newer).toMatchObject({ records: 4, files: 2 });
  });

  test('a layout with another prefix is not looked at', async () => {
    const root = temporaryDirectory();
    const other = join(root, 'p-1795583642722-7cfce7e6');
    mkdirSync(other);
    writeFileSync(join(other, '1795583642722-7cfce7e6-000000000000001.seg'), newerFrame(1, 1, 1));
    const before = snapshot(other);
    const { drain } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual([]);
    expect(snapshot(other)).toStrictEqual(before);
  });

  test('takes no room from this process: neither its bounds nor its age limit touch it', async () => {
    const root = temporaryDirectory();
    const directory = await deadOwner(
      root,
      Array.from({ length: 20 }, () => 10),
      'x'.repeat(1_000),
    );
    rollBack(directory);
    const before = snapshot(directory);
    const { spool, append, drain, lost } = await nextProcess(root, {
      maxBytes: 80_000,
      maxAgeMillis: 1_000,
      now: () => Date.now() + 3_600_000,
      whenDiskFull: 'drop-oldest',
    });
    expect(spool.newer.bytes).toBeGreaterThan(200_000);
    append(50, 'x'.repeat(1_000));
    spool.dropAged();
    expect(await drain()).toHaveLength(50);
    expect(lost.toJSON()).toStrictEqual({});
    expect(snapshot(directory)).toStrictEqual(before);
  });

  test('other dead owners are taken over, before and after it', async () => {
    const root = temporaryDirectory();
    const [, middle] = [
      await deadOwner(root, [1], ' a'),
      await deadOwner(root, [1], ' b'),
      await deadOwner(root, [1], ' c'),
    ];
    rollBack(middle);
    const { drain } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual(['1 a', '1 c']);
    expect(existsSync(middle)).toBe(true);
  });

  test('the newer version ships what it finds again: all of it, once', async () => {
    const root = temporaryDirectory();
    const directory = await deadOwner(root, [10, 10]);
    rollBack(directory);
    const old = await nextProcess(root);
    old.append(1, ' old');
    await old.spool.close();
    for (const path of segmentPaths(directory)) reformat(path, 2, 1);
    const { drain, spool } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual([...numbers(1, 20), '1 old']);
    expect(spool.newer.files).toBe(0);
    expect(readdirSync(root)).toHaveLength(1);
  });
});

describe('what cannot be looked at may be of a newer version', () => {
  test('a directory that cannot be listed, or files while no descriptor is left: it stays, and is tried again', async () => {
    const root = temporaryDirectory();
    const directory = await deadOwner(root, [5]);
    rollBack(directory);
    const before = snapshot(directory);
    const { spool, lost } = openSpool(root);
    await withoutDescriptors(() => spool.adopt());
    expect(snapshot(directory)).toStrictEqual(before);
    expect(diagnostics.lines).toStrictEqual([expect.stringContaining('cannot be read and stays in place')]);
    chmodSync(directory, 0o300);
    await asUser([root, ...readdirSync(root).map((name) => join(root, name))], () => spool.adopt());
    chmodSync(directory, 0o700);
    expect(snapshot(directory)).toStrictEqual(before);
    await spool.adopt();
    expect(spool.newer.records).toBe(5);
    expect(snapshot(directory)).toStrictEqual(before);
    expect(lost.toJSON()).toStrictEqual({});
  });

  test('one for which there is no room is looked at all the same, once', async () => {
    const root = temporaryDirectory();
    const known = [await deadOwner(root, [100], 'x'.repeat(1_000)), await deadOwner(root, [100], 'x'.repeat(1_000))];
    rollBack(await deadOwner(root, [100], 'x'.repeat(1_000)));
    const { spool, drain } = await nextProcess(root, { maxBytes: 150_000 });
    expect(spool.newer).toMatchObject({ records: 100, files: 1 });
    expect(spool.adopted.pending).toBe(100);
    expect(existsSync(known[1] as string)).toBe(true);
    // It is not read again while it waits, and is taken over when there is room.
    await withoutDescriptors(() => spool.adopt());
    expect(diagnostics.lines).toHaveLength(1);
    expect(await drain('adopted')).toHaveLength(100);
    await spool.adopt();
    expect(await drain('adopted')).toHaveLength(100);
  });

  test.skipIf(process.platform === 'win32')('links are not followed, pipes not waited for', async () => {
    const root = temporaryDirectory();
    const elsewhere = await deadOwner(temporaryDirectory(), [7]);
    const target = join(elsewhere, 'target');
    writeFileSync(target, 'not ours');
    const directory = await deadOwner(root, [2, 2]);
    const [path] = segmentPaths(root) as [string];
    symlinkSync(
      segmentPaths(elsewhere)[0] as string,
      join(directory, `${basename(directory).slice(2)}-000000000000005.seg`),
    );
    for (const name of ['o-1-1', 'o-1-2']) symlinkSync('..', join(directory, name));
    symlinkSync(elsewhere, join(root, basename(elsewhere)));
    execFileSync('mkfifo', [`${path}.ack`]);
    const piped = await nextProcess(root);
    expect(await piped.drain('adopted', 1)).toStrictEqual(numbers(1, 4));
    await piped.spool.close();

    const linked = await deadOwner(root, [2, 2]);
    symlinkSync(target, join(linked, `${basename(segmentPaths(linked)[0] as string)}.ack`));
    const next = await nextProcess(root);
    expect(await next.drain('adopted', 1)).toStrictEqual(numbers(1, 4));
    expect(readFileSync(target, 'utf8')).toBe('not ours');
    expect(segmentPaths(elsewhere)).toHaveLength(1);
  });
});

describe('damage is no newer version', () => {
  test('a flipped bit in a known frame, wherever it is', async () => {
    const root = temporaryDirectory();
    const directory = await deadOwner(root, [3]);
    const [path] = segmentPaths(root) as [string];
    const whole = readFileSync(path);
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      writeFileSync(path, bytes);
      const { isOfNewer } = await readOwner(directory);
      expect(isOfNewer, `bit ${bit}`).toBe(false);
    }
  });

  test('a flipped bit in the only frame of a newer version', async () => {
    const root = temporaryDirectory();
    await deadOwner(root, [3]);
    const [path] = segmentPaths(root) as [string];
    const strange = newerFrame(2, 7, 4, Buffer.from('something'));
    for (let bit = 0; bit < strange.length * 8; bit += 1) {
      const bytes = Buffer.from(strange);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      writeFileSync(path, bytes);
      expect((await readOwner(dirname(path))).isOfNewer, `bit ${bit}`).toBe(false);
    }
    const { spool, drain, lost } = await nextProcess(root);
    expect(await drain('adopted')).toStrictEqual([]);
    expect(lost.get('damaged')).toBeGreaterThan(0);
    expect(spool.newer.files).toBe(0);
    expect(segmentPaths(root)).toStrictEqual([]);
  });

  test('damage beside a frame of a newer version does not lose that one', async () => {
    const root = temporaryDirectory();
    const directory = await deadOwner(root, [3, 3]);
    const [path] = segmentPaths(root) as [string];
    const bytes = Buffer.concat([readFileSync(path), newerFrame(9, 1, 7)]);
    bytes.fill(0, 10, 60);
    writeFileSync(path, bytes);
    const before = snapshot(directory);
    const { spool } = await nextProcess(root);
    expect(spool.newer.records).toBe(4);
    expect(snapshot(directory)).toStrictEqual(before);
  });
});

test('the formats of this version are known', () => {
  const { payload } = { payload: encodeResource({ attributes: { a: 'b' } } as never, 'id') };
  expect(isKnownPayload({ count: 0, payload })).toBe(true);
  expect(isKnownPayload({ count: 1, payload: Buffer.from([1]) })).toBe(true);
  expect(isKnownPayload({ count: 1, payload: Buffer.alloc(0) })).toBe(false);
  expect(isKnownPayload({ count: 0, payload: Buffer.alloc(0) })).toBe(false);
});
