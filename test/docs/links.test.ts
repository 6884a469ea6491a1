import { describe, expect, it } from 'vitest';

import { parsePage } from '../support/page.ts';
import { anchorsOf, checkPage } from './links.ts';

const OTHER = `# Other

## A \`code\`, and [*more*](x.md)

<a id="own"></a>

## Twice

## Twice

\`\`\`md
## Not one
\`\`\`
`;
const PAGES: Readonly<Record<string, string>> = { 'docs/other.md': OTHER };

function faultsOf(text: string): string[] {
  const repository = {
    has: (path: string) => ['docs', 'docs/other.md', 'src/a.ts'].includes(path),
    anchors: (path: string) => anchorsOf(parsePage(path, PAGES[path] ?? text)),
  };
  return [...checkPage(parsePage('docs/page.md', text), repository)].flatMap(({ line, fault }) =>
    fault === undefined ? [] : [`${line} ${fault}`],
  );
}

describe('a link of a document', () => {
  it('leads to a file, a heading as GitHub slugs it, or an anchor that stands there', () => {
    const text = [
      '# Page',
      '[a](other.md) [b](other.md#a-code-and-more) [c](other.md#own "title") [d](#page) [e](../src/a.ts) [f](other.md#twice-1)',
      '<img src="../src/a.ts"> `[code](nothing.md)` [elsewhere](https://example.com/#x)',
      '```md',
      '[in a block](nothing.md)',
      '```',
      '[g]: other.md',
    ];
    expect(faultsOf(text.join('\n'))).toEqual([]);
  });

  it.each([
    ['[a](nothing.md)', 'nothing.md: there is no docs/nothing.md'],
    ['![a](other.md#no)', 'other.md#no: docs/other.md has no anchor #no'],
    ['[a](other.md#not-one)', 'other.md#not-one: docs/other.md has no anchor #not-one'],
    ['[a](#A)', '#A: docs/page.md has no anchor #A'],
    ['<a href="nothing.md">', 'nothing.md: there is no docs/nothing.md'],
    ['<source srcset="./nothing.svg">', './nothing.svg: there is no docs/nothing.svg'],
    ['[a]: nothing.md', 'nothing.md: there is no docs/nothing.md'],
    ['[a](/other.md)', '/other.md: an address from the root leads elsewhere'],
    ['[a](../../other.md)', '../../other.md: it leads out of the repository'],
    ['[a](reference/index.md)', 'reference/index.md: the reference is made when the site is built'],
    ['[a](../src/a.ts#L1)', '../src/a.ts#L1: src/a.ts has no anchors'],
  ])('that leads nowhere is told with its line: %s', (text, expected) => {
    expect(faultsOf(`# A title\n\n${text}\n`)).toEqual([expect.stringContaining(`3 ${expected}`)]);
  });
});
