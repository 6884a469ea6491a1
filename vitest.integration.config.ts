import { mergeConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

import base from './vitest.config.ts';

/** The tests that talk to real servers: Redis, a Collector, a browser, what `diagnose()` asks. What is missing is skipped, visibly. */
const config: ViteUserConfig = mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  {
    test: {
      include: ['test/integration/**/*.test.ts', 'test/diagnose/set-ups.test.ts'],
      exclude: ['**/node_modules/**'],
      testTimeout: 120_000,
      hookTimeout: 300_000,
      // One server at a time: several at once on two cores would time each other out.
      fileParallelism: false,
    },
  },
);

export default config;
