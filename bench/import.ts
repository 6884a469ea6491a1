/** Row 14: the time to import a door, against that of the largest dependency alone. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Measure, Row } from './harness.ts';

async function millisOf(specifier: string): Promise<{ readonly figure: number }> {
  const began = performance.now();
  await import(specifier);
  return { figure: performance.now() - began };
}

function door(name: string): Measure {
  return async ({ dist }) => {
    const file = join(dist, `${name}.js`);
    if (!existsSync(file)) throw new Error(`the build has no door ${name}`);
    return millisOf(pathToFileURL(file).href);
  };
}

const ZOD = 'zod';

function rowOf(name: string, what: string): Row {
  return {
    row: 14,
    what,
    unit: 'ms',
    ours: door(name),
    peers: { [ZOD]: () => millisOf('zod') },
    target: { of: ZOD, atMost: 1.6 },
    processes: 15,
  };
}

export const rows: readonly Row[] = [
  rowOf('index', 'import of the main entry point'),
  rowOf('export', 'import of ./export'),
  rowOf('redis', 'import of ./redis'),
];
