/** Row 14: the time to import the main door, against that of its largest dependency alone. Each import in a process of its own. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { median, report } from './harness.ts';

const ROUNDS = 21;
const MODULES = {
  zod: 'zod',
  main: '../dist/index.js',
  export: '../dist/export.js',
  redis: '../dist/redis.js',
} as const;

function importMillis(specifier: string): number {
  const url = specifier.startsWith('.') ? new URL(specifier, import.meta.url).href : import.meta.resolve(specifier);
  const code = `const began = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - began);`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd, encoding: 'utf8' }));
}

const millis: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [name, specifier] of Object.entries(MODULES)) {
    const time = importMillis(specifier);
    // The first reads the files from disk.
    if (round > 0) (millis[name] ??= []).push(time);
  }
}
const of = (name: keyof typeof MODULES): number => median(millis[name] ?? []);
const ratio = of('main') / of('zod');
report({
  row: 14,
  work: 'import of the main door / of zod alone',
  ours: `${of('main').toFixed(0)} ms, x${ratio.toFixed(2)} (./export x${(of('export') / of('zod')).toFixed(2)}, ./redis x${(of('redis') / of('zod')).toFixed(2)})`,
  peers: `zod ${of('zod').toFixed(0)} ms`,
  target: '<= x1.6',
  isReached: ratio <= 1.6,
});
