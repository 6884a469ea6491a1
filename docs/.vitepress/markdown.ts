import type { MarkdownRenderer } from 'vitepress';

import { titleOf } from './pages.ts';

/**
 * The address of the repository once it has one that everybody can open. Until then the site shows the text of a link
 * that leads out of `docs/` (an example, a source file) without the link.
 */
const REPOSITORY: string | undefined = undefined;

/** The first line of a page, which leads back to the README: the site has its sidebar instead. */
const WAY_BACK = /^\[otel-session-logs\]\(\.\.\/README\.md\)[^\n]*\n/u;

/** What the home page of the site shows in the form of the theme: title, first paragraph and picture of `index.md`. */
const HOME_HEAD = /^# [^]*?<\/picture>\n/u;

/** A page that a docstring names. */
const NAMED_PAGE = /`?docs\/(?<page>[\w-]+)\.md`?/gu;

/** A block that installs packages, perhaps with a command to run afterwards. */
const INSTALL =
  /^```sh\n(?<lines>(?:(?:npm install|npx) [^\n#&|]+\n)*npm install [^\n#&|]+\n(?:npx [^\n#&|]+\n)*)```$/gmu;

/** What `npm install --save-dev` and `npx` are elsewhere. */
const MANAGERS = [
  ['npm', 'npm install', 'npm install --save-dev', 'npx'],
  ['pnpm', 'pnpm add', 'pnpm add --save-dev', 'pnpm exec'],
  ['yarn', 'yarn add', 'yarn add --dev', 'yarn'],
  ['bun', 'bun add', 'bun add --dev', 'bunx'],
] as const;

/** One tab for each package manager. */
function installTabs(lines: string): string {
  const tabs = MANAGERS.map(([name, add, addForDevelopment, run]) => {
    const commands = lines
      .replaceAll(/^npm install --save-dev /gmu, `${addForDevelopment} `)
      .replaceAll(/^npm install /gmu, `${add} `)
      .replaceAll(/^npx /gmu, `${run} `);
    return `\`\`\`sh [${name}]\n${commands}\`\`\``;
  });
  return `::: code-group\n\n${tabs.join('\n\n')}\n\n:::`;
}

const DARK_SOURCE = /^ *<source [^>]*prefers-color-scheme: dark[^>]*>\n/gmu;

/** One picture for each scheme in place of one that asks the system: the site's switch decides which one is seen. */
function picturesOfBothSchemes(html: string): string {
  const light = html.replaceAll(DARK_SOURCE, '');
  if (light === html) return html;
  const dark = html.replaceAll(/(?: and )?\(prefers-color-scheme: dark\)/gu, '').replaceAll(' media=""', '');
  return `${light}${dark}`
    .replace('<picture>', '<picture class="light-only">')
    .replace('<picture>', '<picture class="dark-only">')
    .replaceAll('<img ', '<img loading="lazy" ');
}

/** The anchor of a heading as GitHub makes it, so that a link within the pages leads to the same place on both. */
export const slugOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');

/** The pages are plain Markdown that reads well on GitHub; what the site shows in another way is made of that here. */
export function readAsOnGitHub(md: MarkdownRenderer): void {
  md.core.ruler.before('normalize', 'site', (state) => {
    const { relativePath } = state.env as { readonly relativePath?: string };
    state.src = state.src
      .replace(relativePath === 'index.md' ? HOME_HEAD : WAY_BACK, '')
      .replaceAll(INSTALL, (_, lines: string) => installTabs(lines));
    if (relativePath?.startsWith('reference/') === true)
      state.src = state.src.replaceAll(NAMED_PAGE, (_, page: string) => `[${titleOf(page)}](/${page})`);
  });
  md.core.ruler.after('block', 'pictures', (state) => {
    for (const token of state.tokens)
      if (token.type === 'html_block') token.content = picturesOfBothSchemes(token.content);
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
