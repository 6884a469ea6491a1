import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

it('docs/run.md has the cause and the remedy of each reason that the type names', () => {
  const [, union = ''] = /type LossReason =([^;]*);/.exec(read('src/support/loss-counters.ts')) ?? [];
  const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason = '']) => reason);
  expect(reasons.length).toBeGreaterThan(20);
  const [, section = ''] = read('docs/run.md').split('### Losses');
  const rows = (section.split('\n### ')[0] ?? '').split('\n').filter((line) => line.startsWith('| <a'));
  const described = rows.flatMap((row) => {
    const [, names = '', cause = '', remedy = ''] = row.split('|');
    expect([cause, remedy].every((text) => text.trim().length > 5)).toBe(true);
    return [...names.matchAll(/<a id="(\w+)"><\/a>`\1`/g)].map(([, name = '']) => name);
  });
  expect(described.toSorted()).toEqual(reasons.toSorted());
});
