import type { MarkdownRenderer } from 'vitepress';

/**
 * The address of the repository once it has one that everybody can open. Until then the site shows the text of a link
 * that leads out of `docs/` (an example, a source file) without the link.
 */
const REPOSITORY: string | undefined = undefined;

/** The first line of a page, which leads back to the README: the site has its sidebar instead. */
const WAY_BACK = /^\[otel-session-logs\]\(\.\.\/README\.md\)[^\n]*\n/u;

/** The anchor of a heading as GitHub makes it, so that a link within the pages leads to the same place on both. */
export const slugOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');

/** The pages are plain Markdown that reads well on GitHub; the site differs in two things only. */
export function readAsOnGitHub(md: MarkdownRenderer): void {
  md.core.ruler.before('normalize', 'way-back', (state) => {
    state.src = state.src.replace(WAY_BACK, '');
  });
  md.core.ruler.after('inline', 'links-out', (state) => {
    for (const { children } of state.tokens) {
      let isOut = false;
      for (const token of children ?? []) {
        const href = token.attrGet('href') ?? '';
        if (token.type === 'link_open') isOut = href.startsWith('../');
        if (!isOut) continue;
        if (href === '../README.md') token.attrSet('href', 'index.md');
        else if (href !== '' && REPOSITORY !== undefined) token.attrSet('href', REPOSITORY + href.slice('..'.length));
        else if (token.type.startsWith('link_')) token.tag = 'span';
        if (token.tag === 'span') token.attrs = null;
        if (token.type === 'link_close') isOut = false;
      }
    }
  });
}
