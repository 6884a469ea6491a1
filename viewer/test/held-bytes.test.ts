import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';
import { expect, it } from 'vitest';

import { temporaryDirectory } from '../../test/support/temporary-directory.ts';

interface Bytes {
  readonly counted: number;
  readonly held: number;
}

/** What the heap of a program moves by itself between two measurements. */
const NOISE = 512 * 1024;

function measured(): readonly (readonly [string, Bytes])[] {
  const program = join(temporaryDirectory(), 'held-bytes.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('support/held-bytes.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  const options = ['--expose-gc', '--single-threaded-gc', program];
  const printed = execFileSync(process.execPath, options, { encoding: 'utf8' });
  return Object.entries(JSON.parse(printed) as Record<string, Bytes>);
}

it('the bytes that the model counts of records are no less than three quarters of what they take, and no more than twice that', () => {
  const kinds = measured();
  const wrong = kinds.filter(([, { counted, held }]) => held > (4 / 3) * counted + NOISE || counted > 2 * held + NOISE);
  expect(wrong).toEqual([]);
  expect(kinds.length).toBeGreaterThan(10);
});
