import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const here = new URL('./', import.meta.url);

/** A page may show a recipe within a function. */
const unindented = (code: string): string => code.replaceAll(/^ +/gmu, '');

/** What stands between `// recipe: NAME` and `// end` in what the tests run. */
function recipes(): { name: string; code: string }[] {
  const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts') && name !== 'shown-recipes.test.ts');
  return [...tests, '../integration/browser/follow-in-page.ts'].flatMap((file) => {
    const source = readFileSync(new URL(file, here), 'utf8');
    const found = source.matchAll(/^( *)\/\/ recipe: (.*)\n([^]*?)^\1\/\/ end$/gmu);
    return [...found].map(([, , name = '', code = '']) => ({ name, code: unindented(code).trimEnd() }));
  });
}

describe('the pages `docs/answers.md` and `docs/screen.md`', () => {
  const pages = ['answers.md', 'screen.md'].map((page) => readFileSync(new URL(`../../docs/${page}`, here), 'utf8'));

  it.each(recipes().map(({ name, code }) => [name, code]))('show the recipe "%s" as it was run', (_, code) => {
    expect(pages.map(unindented).join('\n')).toContain(code);
  });

  it('have a recipe for each package that was promised', () => {
    const names = recipes().map(({ name }) => name.split(/[,:]/)[0]);
    expect(new Set(names)).toEqual(
      new Set(['Vercel AI SDK', 'OpenAI', 'LangChain', 'Express', 'Fastify', 'eventsource-client']),
    );
  });
});
