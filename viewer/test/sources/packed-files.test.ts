import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, it, onTestFinished } from 'vitest';

import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { until } from '../../../test/support/until.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { DirectorySource } from '../../src/sources/directory.ts';

const LINES = Array.from(
  { length: 5_000 },
  (_, at) => `2026-11-23T10:00:00.000Z INFO [abc] ${at} ${Math.sin(at)}\n`,
).join('');

function watch(packed: Buffer): {
  readonly model: SessionModel;
  readonly directory: DirectorySource;
  readonly file: string;
} {
  const path = temporaryDirectory();
  const file = join(path, 'app.log.gz');
  writeFileSync(file, packed);
  const model = new SessionModel();
  const directory = new DirectorySource(model, path);
  onTestFinished(() => directory.close());
  return { model, directory, file };
}

it('a packed file that is cut is read once, says so, and goes on when it has grown', async () => {
  const packed = gzipSync(LINES);
  const { model, directory, file } = watch(packed.subarray(0, packed.length / 2));
  await directory.look();
  const { entries } = model;
  expect(entries).toBeGreaterThan(100);
  await directory.look();
  expect(model.entries).toBe(entries);
  expect([...(model.sources[0]?.notes.values() ?? [])].join()).toContain('unexpected end of file');
  writeFileSync(file, packed);
  await directory.look();
  expect(model.entries).toBe(5_000);
  expect(model.sources[0]?.notes.size).toBe(0);
});

it('a directory can be closed while a packed file of it is read', async () => {
  const { model, directory } = watch(gzipSync(LINES.repeat(20)));
  const looking = directory.look();
  await until(() => model.entries > 0);
  await directory.close();
  await looking;
  expect(model.entries).toBeLessThan(100_000);
});
