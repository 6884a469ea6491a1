import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const SOURCE = fileURLToPath(new URL('../src/', import.meta.url));

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Tests write sessions with the main package, which they import by the names that its users write.
  resolve: {
    alias: [
      { find: /^otel-session-logs$/, replacement: `${SOURCE}index.ts` },
      { find: /^otel-session-logs\/(\w+)$/, replacement: `${SOURCE}$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Generous: tests use real processes and sockets, and none decides by time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    isolate: false,
  },
});

export default config;
