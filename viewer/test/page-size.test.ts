import { expect, it } from 'vitest';

import { buildPage } from './support/built-page.ts';
import { ask, startServer } from './support/dev-server.ts';

const MAX_BYTES = 60_000;

it(`has a page of at most ${MAX_BYTES} bytes over the wire, with all files of it`, async () => {
  const { page, paths } = await buildPage();
  const server = await startServer({ page });
  const bytes: Record<string, number> = {};
  for (const path of paths) {
    const { status, body } = await ask(server.endpoint + path, { headers: { 'accept-encoding': 'gzip' } });
    expect([path, status]).toEqual([path, 200]);
    bytes[path] = body.length;
  }
  expect(Object.keys(bytes)).toContain('/index.html');
  const sum = Object.values(bytes).reduce((all, each) => all + each, 0);
  expect(sum, JSON.stringify(bytes)).toBeLessThanOrEqual(MAX_BYTES);
});
