import { readdirSync, readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/examples.md', import.meta.url), 'utf8');
const entries = readdirSync(new URL('../../examples/', import.meta.url)).filter((name) => name !== 'demo');

it('the page `docs/examples.md` lists every example, and names no other', () => {
  for (const name of entries) expect(page, name).toContain(`\`${name}\``);
  const named = [...page.matchAll(/examples\/([\w.-]+)/gu)].map(([, name = '']) => name);
  expect(named.filter((name) => name !== 'demo' && !entries.includes(name))).toEqual([]);
});
