import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { runScript } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const LOADED = "import './near.js';\nexport const later = () => import('./far.js');\n";
const NEAR = 'export const near = 1;\n';

describe('the size of the package', () => {
  let project: string;
  const limit = (limits: object): void =>
    writeFileSync(join(project, 'scripts/size-limits.json'), JSON.stringify({ ...WIDE, ...limits }));
  const WIDE = { packedBytes: 100_000, unpackedBytes: 100_000, files: 10, loadedBytes: 100_000 };

  beforeEach(() => {
    project = temporaryDirectory();
    for (const folder of ['dist', 'scripts']) mkdirSync(join(project, folder));
    const manifest = { name: 'thing', version: '1.0.0', type: 'module', exports: './dist/index.js', files: ['dist'] };
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(project, 'dist/index.js'), LOADED);
    writeFileSync(join(project, 'dist/near.js'), NEAR);
    writeFileSync(join(project, 'dist/far.js'), `// ${'x'.repeat(5_000)}\n`);
  });

  it('passes below its limits and prints each measure; what the main door loads later is not counted as loaded', async () => {
    limit({});
    const { status, stdout, stderr } = await runScript('package-size.ts', project);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^packedBytes: \d+ of 100000\nunpackedBytes: 5\d\d\d of 100000\nfiles: 4 of 10\n/);
    expect(stdout).toContain(`loadedBytes: ${LOADED.length + NEAR.length} of 100000\n`);
  });

  it('fails with each measure that is over its limit and what each folder takes of it', async () => {
    limit({ packedBytes: 100, files: 3, loadedBytes: LOADED.length });
    const { status, stderr } = await runScript('package-size.ts', project);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^packedBytes is \d+ over its limit in scripts\/size-limits.json:\n  dist: 3 files, \d+ bytes\n/,
    );
    expect(stderr).not.toContain('unpackedBytes is');
    expect(stderr).toContain('\nfiles is 1 over its limit');
    const loaded = `dist: 2 files, ${LOADED.length + NEAR.length} bytes`;
    expect(stderr).toContain(
      `\nloadedBytes is ${NEAR.length} over its limit in scripts/size-limits.json:\n  ${loaded}\n`,
    );
  });

  it('fails when a measure has no limit', async () => {
    limit({ files: undefined });
    const { status, stderr } = await runScript('package-size.ts', project);
    expect(status).not.toBe(0);
    expect(stderr).toContain('scripts/size-limits.json has no limit for files');
  });
});
