import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runInTerminal } from './terminal.ts';
import { drawTerminal } from './terminal-svg.ts';
import { SCHEMES } from './theme.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SIZE = { columns: 60, rows: 50 };

/** Runs the demo in a terminal, and gives what it shows at the end by the names of the files. */
export async function demoPictures(): Promise<Map<string, string>> {
  const cwd = mkdtempSync(join(tmpdir(), 'demo-picture-'));
  try {
    const env = { PATH: process.env['PATH'], TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') };
    const tsx = import.meta.resolve('tsx');
    const run = await runInTerminal(['--import', tsx, join(ROOT, 'examples/demo.ts')], { ...SIZE, cwd, env });
    if (run.exitCode !== 0) throw new Error(`the demo ended with ${run.exitCode}`);
    const description = `The demo in a terminal, made from ${demoVersion()}`;
    return new Map(
      SCHEMES.map((scheme) => [`demo-${scheme}.svg`, drawTerminal(run.lines, SIZE.columns, description, scheme)]),
    );
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Differs when the demo does: times and words of a run differ each time, so a picture cannot be compared with a new one. */
export function demoVersion(): string {
  const hash = createHash('sha256');
  const files = [
    'demo.ts',
    ...readdirSync(join(ROOT, 'examples/demo'))
      .toSorted()
      .map((name) => `demo/${name}`),
  ];
  for (const file of files) hash.update(readFileSync(join(ROOT, 'examples', file)));
  return hash.digest('hex').slice(0, 16);
}
