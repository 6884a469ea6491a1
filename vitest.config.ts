import { availableParallelism } from 'node:os';

import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const SOURCE = new URL('src/', import.meta.url).pathname;

/** Node's own EventSource, one of those that follow event streams in tests. */
const EVENT_SOURCE = '--experimental-eventsource';

const config: ViteUserConfig = defineConfig({
  // Examples name the package as its users do; tests run them on the source.
  resolve: {
    alias: [
      { find: /^otel-session-logs$/, replacement: `${SOURCE}index.ts` },
      { find: /^otel-session-logs\/(\w+)$/, replacement: `${SOURCE}$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Those talk to real servers, or start some hundred programs: `npm run test:integration` and `test:diagnose`.
    exclude: ['test/integration/**', 'test/diagnose/set-ups.test.ts', '**/node_modules/**'],
    // Real processes, sockets and disks take part: generous, since no test decides by time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    execArgv: process.allowedNodeEnvironmentFlags.has(EVENT_SOURCE) ? [EVENT_SOURCE] : [],
    // Tests wait for processes and for time-outs: two workers more than there are cores keep the cores busy.
    maxWorkers: availableParallelism() + 2,
    // A worker keeps the modules that it has loaded: loading them anew for each file took a third of the time.
    isolate: false,
    globalSetup: ['test/support/global-setup.ts'],
    coverage: {
      // Instead of a second run of all tests.
      enabled: process.env['COVERAGE'] === '1',
      provider: 'v8',
      include: ['src/**'],
      // Doors only name what they let out; the adapter of Redis is tested against real servers.
      exclude: ['src/{index,export,redis,register,remote,testing}.ts', 'src/store/redis/**'],
      reporter: ['text', 'text-summary'],
      reportOnFailure: true,
      thresholds: { statements: 95, branches: 90, functions: 95, lines: 96 },
    },
  },
});

export default config;
