import { describe, expect, test } from 'vitest';

import { builtSource } from '../../support/built-source.ts';
import { FAULTS, runFault } from '../../support/collector-faults.ts';
import type { Fault } from '../../support/collector-faults.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const source = builtSource();

/** A tenth of the table in the documents: outages of a second. `test/soak/stock-versus-ours.ts` runs it in full. */
const SCALE = 0.1;

async function survives(fault: Fault, line: '3.x' | '0.2xx'): Promise<void> {
  const directory = temporaryDirectory();
  const result = await runFault(fault, 'ours', { source, directory, line, scale: SCALE });
  console.log(
    `${line}, ${fault.name}: lost ${result.lost} of ${result.emitted} (${result.duplicated} twice, ${result.requests} requests)`,
  );
  expect(result.lost).toBe(fault.refuses ?? 0);
  expect(result.emitted).toBeGreaterThan(200);
  // No storm: a request a batch, and a few for each second of the fault.
  expect(result.requests).toBeLessThan(result.emitted / 20 + 60);
  // What is in flight while the answer is lost, or the process killed, is sent again.
  if (!/lost|reset|SIGKILL/.test(fault.name)) expect(result.duplicated).toBe(0);
}

describe('a fault of the collector or the process costs no record', { timeout: 60_000 }, () => {
  test.concurrent.each(FAULTS)('$name', async (fault) => survives(fault, '3.x'));

  test.concurrent.each(FAULTS.filter(({ name }) => /down|429, Retry-After 5|answer lost/.test(name)))(
    '$name, on the 0.2xx line',
    async (fault) => survives(fault, '0.2xx'),
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
