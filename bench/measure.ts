/**
 * One way of one row, in this process. `run.ts` starts it; by hand it prints the sample, under a profiler for instance:
 *
 *   node --expose-gc --cpu-prof bench/measure.js emit 0 ours dist
 */
import { resolve } from 'node:path';

import type { Row } from './harness.ts';
import { openBuild } from './build.ts';

const [file, index, way, dist] = process.argv.slice(2) as [string, string, string, string];
const { rows } = (await import(`./${file}.js`)) as { readonly rows: readonly Row[] };
const row = rows[Number(index)];
const measure = way === 'ours' ? row?.ours : row?.peers?.[way];
if (measure === undefined) throw new Error(`${file} has no row of index ${index} with a way '${way}'`);
const sample = await measure(openBuild(resolve(dist)));
// Readers that are kept alive, and whatever else is open, end here.
if (process.send === undefined) {
  console.log(sample);
  process.exit();
}
process.send(sample, () => process.exit());
