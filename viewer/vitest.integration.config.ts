import { mergeConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

import base from './vitest.config.ts';

/** The tests that take long the first time: a program in Go is built. What is missing is skipped, visibly. */
const config: ViteUserConfig = mergeConfig(
  { ...base, test: { ...base.test, include: [] } },
  {
    test: {
      include: ['integration/**/*.test.ts'],
      testTimeout: 300_000,
      fileParallelism: false,
      // The default is one second, which is how often the viewer tells its state.
      expect: { poll: { timeout: 20_000 } },
    },
  },
);

export default config;
