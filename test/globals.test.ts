import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

test('what several versions of this package in one process share carries the version of its shape in its name', () => {
  const root = fileURLToPath(new URL('../src', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const names = files.flatMap((name) =>
    [...readFileSync(join(root, name), 'utf8').matchAll(/Symbol\.for\(['`](otel-session-logs[^)]*)['`]\)/g)].map(
      ([, key]) => key,
    ),
  );
  expect(names.length).toBeGreaterThanOrEqual(5);
  for (const name of names) expect(name).toMatch(/\.v\d+$/);
});
