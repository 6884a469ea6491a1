import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { slugOf } from '../../docs/.vitepress/markdown.ts';
import { readPage } from '../support/page.ts';
import type { Page } from '../support/page.ts';

/** What is wrong at a place of a page. */
export interface Fault {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export interface Links {
  readonly faults: readonly Fault[];
  /** Links to files and to anchors of pages, and addresses elsewhere, which are not asked for. */
  readonly files: number;
  readonly anchors: number;
  readonly elsewhere: readonly string[];
}

/** In text without inline code. The last is a definition, `[name]: target`. */
const TARGETS = [
  /\]\(<?(?<target>[^()\s>]*(?:\([^()\s]*\)[^()\s]*)*)>?(?: "[^"]*")?\)/gu,
  /(?:href|src|srcset)="(?<target>[^"]*)"/gu,
  /^\[[^\]]+\]: (?<target>\S+)/gu,
];
const ELSEWHERE = /^(?:[a-z]+:|\/\/)/iu;
const INLINE_CODE = /(`+)(?!`).*?(?<!`)\1(?!`)/gu;
const OWN_ANCHOR = /<a (?:id|name)="(?<id>[^"]+)">/gu;

/** The anchors of a page: of its headings, as GitHub and the site make them, and those that stand in it. */
export function anchorsOf({ sections, prose }: Page): Set<string> {
  const anchors = new Set<string>();
  for (const { heading } of sections) {
    const slug = slugOf(textOf(heading));
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  for (const [, id = ''] of prose.join('\n').matchAll(OWN_ANCHOR)) anchors.add(id);
  return anchors;
}

/** Of a heading, without its marks. */
function textOf(heading: string): string {
  return heading
    .replaceAll(/<[^>]+>/gu, '')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/gu, '$1')
    .replaceAll(/[`*\\]/gu, '');
}

/** What links lead to. */
interface Repository {
  readonly has: (path: string) => boolean;
  readonly anchors: (page: string) => ReadonlySet<string>;
}

/** Looks up every link of the pages. */
export function checkLinks(root: string, paths: readonly string[]): Links {
  const known = new Map<string, Set<string>>();
  const repository: Repository = {
    has: (path) => existsSync(join(root, path)),
    anchors: (path) => {
      const anchors = known.get(path) ?? anchorsOf(readPage(path));
      known.set(path, anchors);
      return anchors;
    },
  };
  const found = paths.flatMap((path) => [...checkPage(readPage(path), repository)]);
  const here = found.filter(({ target }) => !ELSEWHERE.test(target));
  return {
    faults: here.flatMap(({ path, line, fault }) => (fault === undefined ? [] : [{ path, line, message: fault }])),
    files: here.length,
    anchors: here.filter(({ target }) => target.includes('#')).length,
    elsewhere: found.filter(({ target }) => ELSEWHERE.test(target)).map(({ target }) => target),
  };
}

interface Link {
  readonly path: string;
  readonly line: number;
  readonly target: string;
  readonly fault: string | undefined;
}

/** The links of a page, each with what is wrong with it. */
export function* checkPage(page: Page, repository: Repository): Generator<Link> {
  for (const [line, target] of targetsOf(page)) {
    const fault = ELSEWHERE.test(target) ? undefined : faultOf(page.path, target, repository);
    yield { path: page.path, line, target, fault: fault === undefined ? undefined : `${target}: ${fault}` };
  }
}

function* targetsOf({ prose }: Page): Generator<[line: number, target: string]> {
  for (const [index, text] of prose.entries()) {
    const plain = text.replaceAll(INLINE_CODE, (code) => '`'.repeat(code.length));
    for (const pattern of TARGETS)
      for (const { groups } of plain.matchAll(pattern)) yield [index + 1, groups?.['target'] ?? ''];
  }
}

function faultOf(path: string, link: string, repository: Repository): string | undefined {
  const [file = '', anchor] = decodeURI(link).split('#');
  if (file.startsWith('/')) return 'an address from the root leads elsewhere on GitHub than on the site';
  const target = file === '' ? path : normalize(join(dirname(path), file));
  if (target.startsWith('..')) return 'it leads out of the repository';
  if (target.startsWith('docs/reference/')) return 'the reference is made when the site is built: it is not on GitHub';
  if (!repository.has(target) && target !== path) return `there is no ${target}`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md')) return `${target} has no anchors`;
  return repository.anchors(target).has(anchor) ? undefined : `${target} has no anchor #${anchor}`;
}
