/**
 * The show of erasures with 1,000 sessions of which 100 are erased, 30 of them after a kill in the middle, while two processes
 * write to all of them. Takes about a minute.
 *
 * npx tsx test/soak/erase-sessions.ts [sessions] [erased] [kills]
 */
import { spawnSync } from 'node:child_process';

const [sessions = '1000', erased = '100', kills = '30'] = process.argv.slice(2);
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--config', 'vitest.integration.config.ts', 'test/integration/erase-session.test.ts'],
  {
    stdio: 'inherit',
    env: { ...process.env, ERASE_SESSIONS: sessions, ERASE_ERASED: erased, ERASE_KILLS: kills },
  },
);
process.exitCode = status ?? 1;
