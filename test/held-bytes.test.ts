import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { builtProgram } from './support/built-source.ts';

interface Bytes {
  readonly counted: number;
  readonly held: number;
}

/** What no store counts: these kinds have an upper limit only, with the room that their objects need. */
const NOT_COUNTED = /^(?:copies|ids of sessions|chunks|records|positions|nothing)/;

/** What the heap of a program moves by itself between two measurements; a parent that is kept costs 20 MiB. */
const NOISE = 2 * 1024 * 1024;

const program = builtProgram('held-bytes.mjs');
const printed = execFileSync(process.execPath, ['--expose-gc', '--single-threaded-gc', program], { encoding: 'utf8' });
const kinds = Object.entries(JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Record<string, Bytes>);

describe('what is kept holds only itself, also when it was cut out of something larger', () => {
  it.each(kinds)('%s: the bytes counted are true within a factor of two', (kind, { counted, held }) => {
    expect(held).toBeLessThan(2 * counted + NOISE);
    if (!NOT_COUNTED.test(kind)) expect(counted).toBeLessThan(2 * held + NOISE);
  });

  it('every kind was measured', () => expect(kinds.length).toBeGreaterThan(15));
});
