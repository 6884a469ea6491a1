import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const here = new URL('./', import.meta.url);
const page = readFileSync(new URL('../../docs/screen.md', here), 'utf8');

/** What stands between `// recipe: NAME` and `// end` in what the tests run, without its indentation. */
function recipes(): { name: string; code: string }[] {
  const found: { name: string; code: string }[] = [];
  const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts') && name !== 'screen-page.test.ts');
  for (const file of [...tests, '../integration/browser/follow-in-page.ts']) {
    const source = readFileSync(new URL(file, here), 'utf8');
    for (const [, indent = '', name = '', code = ''] of source.matchAll(
      /^( *)\/\/ recipe: (.*)\n([^]*?)^\1\/\/ end$/gmu,
    )) {
      found.push({ name, code: code.replaceAll(new RegExp(`^${indent}`, 'gmu'), '').trimEnd() });
    }
  }
  return found;
}

describe.skipIf(!page.includes('## Recipes'))(
  'the page `docs/screen.md` (skipped while it has no section "Recipes")',
  () => {
    it.each(recipes().map(({ name, code }) => [name, code]))('shows the recipe "%s" as it was run', (_, code) => {
      expect(page).toContain(code);
    });

    it('has a recipe for each package that was promised', () => {
      const names = recipes().map(({ name }) => name.split(/[,:]/)[0]);
      expect(new Set(names)).toEqual(
        new Set([
          'Vercel AI SDK',
          'OpenAI',
          'LangChain',
          'Plain Node',
          'Hono',
          'Fastify',
          'Express',
          'eventsource-client',
        ]),
      );
    });
  },
);
