/**
 * The test of random kills with 201 killed processes on each OpenTelemetry line instead of 30. Takes about two minutes.
 *
 * npx tsx test/soak/durable-kills.ts [waves of three]
 */
import { spawnSync } from 'node:child_process';

const { status } = spawnSync('npx', ['vitest', 'run', 'test/export/durable/durable-kills.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, DURABLE_KILL_WAVES: process.argv[2] ?? '67' },
});
process.exitCode = status ?? 1;
