import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { DefaultTheme } from 'vitepress';

/** The pages of the reference, which `npm run docs` makes of the docstrings. */
const DOORS = ['', '/export', '/redaction', '/redis', '/remote', '/register', '/testing'].map(
  (door) => `reference/otel-session-logs${door}/index`,
);

/** The pages in the order of the sidebar. Those below another go deeper into its matter. */
const ORDER: readonly (readonly [page: string, ...below: string[]])[] = [
  ['start'],
  ['write', 'answers', 'chat'],
  ['read', 'testing'],
  ['screen', 'recipes-servers', 'viewer'],
  ['opentelemetry', 'recipes-setups', 'set-ups', 'destinations', 'diagnose'],
  ['delivery'],
  ['many-hosts', 'another-engine'],
  ['privacy'],
  ['run', 'daily-file', 'console', 'performance'],
  ['reference/index', ...DOORS],
  ['troubleshooting'],
  ['examples'],
  ['comparison'],
  ['from-python'],
  ['upgrade'],
];

export const ROOT: string = join(import.meta.dirname, '..');

const textOf = (page: string): string => readFileSync(join(ROOT, `${page}.md`), 'utf8');

/** Where the page's first paragraph begins. */
const LEAD = /^# .+\n+(?<lead>[^\n#|`<-][^]*?)\n\n/mu;

export const titleOf = (page: string): string => /^# (.+)$/mu.exec(textOf(page))?.[1]?.replaceAll('`', '') ?? page;
/** Its first sentence, without links. */
export function leadOf(page: string): string {
  const lead = LEAD.exec(textOf(page))?.groups?.['lead'] ?? '';
  const text = lead.replaceAll('\n', ' ').replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, '$1');
  return /^.*?[.:](?= |$)/u.exec(text)?.[0] ?? text;
}

/** What the sidebar names, and then every other page, so that none can be reached by search alone. */
export function listedPages(): (readonly [page: string, ...below: string[]])[] {
  const exists = (page: string): boolean => existsSync(join(ROOT, `${page}.md`));
  const listed = ORDER.flatMap(([page, ...below]): [string, ...string[]][] => {
    const there = below.filter(exists);
    return exists(page) ? [[page, ...there]] : there.map((each) => [each]);
  });
  const known = new Set(['index', ...listed.flat()]);
  const others = readdirSync(ROOT)
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -3))
    .filter((page) => !known.has(page));
  return [...listed, ...others.map((page): [string] => [page])];
}

export function sidebar(): DefaultTheme.SidebarItem[] {
  const item = (page: string): DefaultTheme.SidebarItem => ({
    text: titleOf(page),
    link: `/${page.replace(/index$/u, '')}`,
  });
  return listedPages().map(([page, ...below]) =>
    below.length === 0 ? item(page) : Object.assign(item(page), { items: below.map(item) }),
  );
}
