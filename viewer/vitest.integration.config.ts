import { mergeConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

import base from './vitest.config.ts';

/** The tests in Chromium, and with a program in Go, which is built first. Where something is missing, they are visibly skipped. */
const config: ViteUserConfig = mergeConfig(
  { ...base, test: { ...base.test, include: [] } },
  {
    test: {
      include: ['integration/**/*.test.ts'],
      testTimeout: 300_000,
      fileParallelism: false,
      // The default is one second, which is how often the viewer sends its state.
      expect: { poll: { timeout: 20_000 } },
    },
  },
);

export default config;
