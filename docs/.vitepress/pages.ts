import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { DefaultTheme } from 'vitepress';

type Row = readonly [page: string, ...below: string[]];

/** The pages in the order of the sidebar. Those below another go deeper into its matter. */
const GUIDE: readonly Row[] = [
  ['start'],
  ['write', 'answers', 'chat'],
  ['read', 'testing'],
  ['screen', 'recipes-servers', 'viewer'],
  ['opentelemetry', 'recipes-setups', 'set-ups', 'destinations', 'diagnose'],
  ['delivery'],
  ['many-hosts', 'another-engine'],
  ['privacy'],
  ['run', 'daily-file', 'console', 'performance'],
  ['reference/index'],
];
const HELP: readonly Row[] = [['troubleshooting'], ['examples'], ['comparison'], ['from-python'], ['upgrade']];

export const ROOT: string = join(import.meta.dirname, '..');

const exists = (page: string): boolean => existsSync(join(ROOT, `${page}.md`));
const textOf = (page: string): string => readFileSync(join(ROOT, `${page}.md`), 'utf8');

/** The page's first paragraph, which is neither a table, nor a block, nor a picture. */
const LEAD = /^# .+\n+(?!\n|```|[#|<-])(?<lead>[^]*?)(?:\n\n|\n?$(?![^]))/mu;

export const titleOf = (page: string): string =>
  /^# (.+)$/mu.exec(textOf(page))?.[1]?.replaceAll(/[`\\]/gu, '') ?? page;

/** Its first paragraph as plain text, sentence by sentence. */
export function sentencesOf(page: string): string[] {
  const lead = LEAD.exec(textOf(page))?.groups?.['lead'] ?? '';
  return lead
    .trim()
    .replace(/:$/u, '.')
    .replaceAll('\n', ' ')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, '$1')
    .split(/(?<=[.!?]) (?=[A-Z`])/u)
    .map((sentence) => sentence.replaceAll('`', ''))
    .filter((sentence) => sentence !== '');
}

/** What search engines show of the page: as many of its first sentences as they have room for. */
export function descriptionOf(page: string): string | undefined {
  const [first, ...rest] = sentencesOf(page);
  return (
    rest.reduce((text, sentence) => (`${text} ${sentence}`.length > 200 ? text : `${text} ${sentence}`), first ?? '') ||
    undefined
  );
}

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What the sidebar names, with every page that no row names yet: none can be reached by search alone. */
export function sections(): Section[] {
  const known = new Set(['index', ...GUIDE.flat(), ...HELP.flat()]);
  const others = readdirSync(ROOT)
    .filter((file) => file.endsWith('.md'))
    .map((file): Row => [file.slice(0, -3)])
    .filter(([page]) => !known.has(page));
  return [
    // The reference is there when it has been made.
    { title: 'Guide', rows: GUIDE.filter(([page]) => exists(page)) },
    { title: 'Help', rows: [...HELP, ...others] },
  ];
}

const REFERENCE_SIDEBAR = join(ROOT, 'reference', 'sidebar.json');

export function sidebar(): DefaultTheme.SidebarMulti {
  const guide = guideSidebar();
  if (!existsSync(REFERENCE_SIDEBAR)) return { '/': guide };
  const reference = JSON.parse(readFileSync(REFERENCE_SIDEBAR, 'utf8')) as DefaultTheme.SidebarItem[];
  return { '/reference/': reference, '/': guide };
}

function guideSidebar(): DefaultTheme.SidebarItem[] {
  const item = (page: string): DefaultTheme.SidebarItem => ({
    text: titleOf(page),
    link: `/${page.replace(/index$/u, '')}`,
  });
  return sections().map(({ title, rows }) => ({
    text: title,
    items: rows.map(([page, ...below]) =>
      below.length === 0 ? item(page) : Object.assign(item(page), { items: below.map(item) }),
    ),
  }));
}
