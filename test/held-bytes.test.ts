import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

interface Bytes {
  readonly counted: number;
  readonly held: number;
}

/** What no store counts: these kinds have an upper limit only, with the room that their objects need. */
const NOT_COUNTED = /^(?:copies|ids of sessions|chunks|records|positions|nothing)/;

/** What the heap of a program moves by itself between two measurements; a parent that is kept costs 20 MiB. */
const NOISE = 512 * 1024;

const script = fileURLToPath(new URL('support/held-bytes.mjs', import.meta.url));
const printed = execFileSync(process.execPath, ['--expose-gc', '--single-threaded-gc', '--import', 'tsx', script], {
  encoding: 'utf8',
});
const kinds = Object.entries(JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Record<string, Bytes>);

describe('what is kept holds only itself, also when it was cut out of something larger', () => {
  it.each(kinds)('%s: the bytes counted are true within a factor of two', (kind, { counted, held }) => {
    expect(held).toBeLessThan(2 * counted + NOISE);
    if (!NOT_COUNTED.test(kind)) expect(counted).toBeLessThan(2 * held + NOISE);
  });

  it('every kind was measured', () => expect(kinds.length).toBeGreaterThan(15));
});
