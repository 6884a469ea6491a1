/**
 * The SDK's batch processor and the durable one under the same faults, in full length: prints the table of
 * docs/delivery.md. Takes about five minutes. Ends non-zero when ours loses more than what the collector refuses, or the stock pipeline loses
 * nothing where it is said to.
 *
 * npx tsx test/soak/stock-versus-ours.ts [3.x | 0.2xx] [--write]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { keepFigures } from '../../bench/docs-data.ts';
import { builtSource, buildSource } from '../support/built-source.ts';
import { FAULTS, runFault } from '../support/collector-faults.ts';
import type { FaultResult } from '../support/collector-faults.ts';

const line = process.argv.includes('0.2xx') ? '0.2xx' : '3.x';
const removeBuilt = buildSource();
const source = builtSource();

function cell({ lost, emitted, duplicated, shutdownMillis }: FaultResult): string {
  const shutdown = shutdownMillis === undefined ? '' : `; shutdown ${(shutdownMillis / 1_000).toFixed(1)} s`;
  const twice = duplicated === 0 ? '' : `, ${duplicated.toLocaleString('en')} twice`;
  return `${lost.toLocaleString('en')} of ${emitted.toLocaleString('en')}${twice}${shutdown}`;
}

let failures = 0;
console.log(`| fault (${line} line) | lost by the stock pipeline | lost by ours | requests to ours |`);
console.log('| --- | --- | --- | --- |');
for (const fault of FAULTS) {
  const directory = mkdtempSync(join(tmpdir(), 'session-logs-soak-'));
  const where = { source, directory, line, scale: 1 } as const;
  const [stock, ours] = await Promise.all([runFault(fault, 'stock', where), runFault(fault, 'ours', where)]);
  console.log(`| ${fault.name} | ${cell(stock)} | ${cell(ours)} | ${ours.requests} |`);
  if (process.argv.includes('--write')) {
    keepFigures('faults.json', fault.name, {
      'lost by the stock pipeline': cell(stock),
      'lost by `DurableLogRecordProcessor`': cell(ours),
    });
  }
  const isAsSaid = ours.lost === (fault.refuses ?? 0) && (fault.stockLoses !== true || stock.lost > ours.lost);
  if (!isAsSaid) failures += 1;
  rmSync(directory, { recursive: true, force: true });
}
removeBuilt();
process.exitCode = failures === 0 ? 0 : 1;
