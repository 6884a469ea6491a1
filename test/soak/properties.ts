/**
 * Tries every property of the tests with new random cases, many times more often than the tests do.
 *
 *     npm run soak:properties [-- <times more often, 50> [<part of the names of the test files, all>]]
 *
 * A failure prints the seed and path of the smallest case it was shrunk to.
 */
import { spawnSync } from 'node:child_process';

const factor = Number(process.argv[2] ?? 50);
if (!Number.isInteger(factor) || factor < 1) throw new TypeError(`expected a whole number, got ${process.argv[2]}`);

const files = process.argv.slice(3);
const which = files.length > 0 ? ['run', ...files] : ['related', 'test/support/properties.ts', '--run'];
const { status } = spawnSync('npx', ['vitest', ...which, '--testTimeout', '3600000'], {
  stdio: 'inherit',
  env: { ...process.env, PROPERTY_RUNS: String(factor) },
});
process.exitCode = status ?? 1;
