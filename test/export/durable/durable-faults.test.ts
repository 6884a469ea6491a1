import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { buildSource } from '../../support/built-source.ts';
import type { BuiltSource } from '../../support/built-source.ts';
import { FAULTS, runFault } from '../../support/stock-versus-ours.ts';
import type { Fault } from '../../support/stock-versus-ours.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

let source: BuiltSource;
beforeAll(() => {
  source = buildSource();
});
afterAll(() => source.remove());

/** A tenth of the README's table: outages of a second. `test/soak/stock-versus-ours.ts` runs it in full. */
const SCALE = 0.1;

/** What the stock pipeline loses for sure even in so short a fault. */
const STOCK_LOSES: ReadonlySet<string> = new Set([
  '500',
  '400 for one poison record',
  'SIGKILL',
  'tight loop, then shutdown',
  'dead collector at shutdown',
]);

/** Records that the collector refused: they are in `dead/`. */
const REFUSED: Readonly<Record<string, number>> = { '400 for one poison record': 1 };

async function sideBySide(fault: Fault, line: '3.x' | '0.2xx'): Promise<void> {
  const directory = temporaryDirectory();
  const where = { source, directory, line, scale: SCALE };
  const [stock, ours] = await Promise.all([runFault(fault, 'stock', where), runFault(fault, 'ours', where)]);
  console.log(
    `${line}, ${fault.name}: stock lost ${stock.lost} of ${stock.emitted} (${stock.duplicated} twice), ` +
      `ours ${ours.lost} of ${ours.emitted} (${ours.duplicated} twice, ${ours.requests} requests)`,
  );
  expect(ours.lost).toBe(REFUSED[fault.name] ?? 0);
  expect(ours.emitted).toBeGreaterThan(200);
  // No storm: a request a batch, and a few for each second of the fault.
  expect(ours.requests).toBeLessThan(ours.emitted / 20 + 60);
  if (STOCK_LOSES.has(fault.name)) expect(stock.lost).toBeGreaterThan(ours.lost);
  // What is in flight while the answer is lost, or the process killed, is sent again.
  if (!/lost|reset|SIGKILL/.test(fault.name)) expect(ours.duplicated).toBe(0);
}

describe('the stock pipeline and ours, side by side', { timeout: 60_000 }, () => {
  test.concurrent.each(FAULTS)('$name', async (fault) => sideBySide(fault, '3.x'));

  test.concurrent.each(FAULTS.filter(({ name }) => /down|429, Retry-After 5|answer lost/.test(name)))(
    '$name, on the 0.2xx line',
    async (fault) => sideBySide(fault, '0.2xx'),
  );
});

test('partial success: what the collector rejected is lost, and nothing is sent again', async () => {
  const directory = temporaryDirectory();
  const fault: Fault = {
    name: 'partial success',
    options: () => ({ mode: 'loop', count: 1_000 }),
    // The first five records of the second request.
    answer: ({ index }) => (index === 1 ? { partial: 5 } : 'ok'),
  };
  for (const pipeline of ['stock', 'ours'] as const) {
    const result = await runFault(fault, pipeline, { source, directory, line: '3.x', scale: 1 });
    expect(result).toMatchObject({ emitted: 1_000, lost: 5, duplicated: 0, requests: 2 });
  }
});
