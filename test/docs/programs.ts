import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

import { slugOf } from '../../docs/.vitepress/markdown.ts';
import type { Block, Page, Section } from '../support/page.ts';
import { ownPackages } from './packages.ts';
import type { Packages } from './packages.ts';

/** A block of a page, as a file of a project. */
export interface Program {
  readonly page: string;
  /** Of the first line of its code. */
  readonly line: number;
  readonly path: string;
  readonly code: string;
  /** What it says that it prints. */
  readonly prints: readonly string[] | undefined;
}

export interface Excuse {
  readonly page: string;
  readonly line: number;
  readonly reason: string;
}

export interface Programs {
  readonly programs: readonly Program[];
  readonly excused: readonly Excuse[];
  /** The names of the packages that they import, where no others are installed for them. */
  readonly imports: ReadonlySet<string>;
  /** Folders with packages of their own. */
  readonly folders: ReadonlyMap<string, Packages>;
}

const ROOT = join(import.meta.dirname, '..', '..');
/** A page that is about an example shows its files but for some. */
const EXAMPLES: Readonly<Record<string, string>> = { 'docs/chat.md': 'examples/chat-hono' };

const CODE: ReadonlySet<string> = new Set(['ts', 'tsx']);
const EXCUSE = 'no-check';
const SPECIFIER = /(?:^(?:import|export) (?:[^'";]*? from )?|\bimport\()['"](?<specifier>[@\w./#:-]+)['"]/gmu;
const PRINTS = /^\/\/ => ?(.*)$/u;

/** The programs of the pages: each block is a file of its own, in the folder of its heading. */
export function programsIn(pages: readonly Page[]): Programs {
  const programs: Program[] = [];
  const excused: Excuse[] = [];
  const imports = new Set<string>();
  const folders = new Map<string, Packages>();
  for (const page of pages) {
    for (const section of page.sections) {
      for (const block of section.blocks.filter(({ language }) => CODE.has(language))) {
        const at = { page: page.path, line: block.line };
        if (block.info.startsWith(EXCUSE)) {
          excused.push({ ...at, reason: block.info.slice(EXCUSE.length).trim() });
          continue;
        }
        const packages = ownPackages(page.path, section.heading, block.name);
        const own = packages === undefined ? undefined : `own/${slugOf(packages.folder)}`;
        if (packages !== undefined && own !== undefined) folders.set(own, packages.dependencies);
        const folder = `${own === undefined ? '' : `${own}/`}pages/${page.path.replace(/\.md$/u, '')}/${section.line}-${slugOf(section.heading)}`;
        const path = `${folder}/${block.name ?? `line-${block.line}.${block.language}`}`;
        programs.push({ ...at, path, code: block.code, prints: printsOf(block, section) });
        for (const each of importedFiles(page, section, block))
          programs.push({
            page: page.path,
            line: each.line,
            path: `${folder}/${each.name}`,
            code: each.code,
            prints: undefined,
          });
        if (packages === undefined) for (const name of packagesOf(block.code)) imports.add(name);
      }
    }
  }
  return { programs: withoutDoubles(programs), excused, imports, folders };
}

/** The lines after `// => ` at its end, or a block `text output` that is next. */
function printsOf({ code, line }: Block, { blocks }: Section): readonly string[] | undefined {
  const lines = code.trimEnd().split('\n');
  const first = lines.findLastIndex((each) => !PRINTS.test(each)) + 1;
  if (first < lines.length) return lines.slice(first).map((each) => PRINTS.exec(each)?.[1] ?? '');
  const next = blocks.find((block) => block.line > line);
  return next?.language === 'text' && next.info === 'output' ? next.code.trimEnd().split('\n') : undefined;
}

type File = Block & { readonly name: string };

/** The files of the page that a block imports, and those that they import: of its heading, else the nearest before. */
function importedFiles(page: Page, section: Section, block: Block): File[] {
  const [before, after] = [page.sections.filter(({ line }) => line <= section.line), page.sections];
  const files = [...before.toReversed(), ...after].flatMap(({ blocks }) => blocks);
  const found: File[] = [];
  const look = (from: Block): void => {
    for (const specifier of relativeImports(from)) {
      if (found.some((each) => isFile(each, specifier))) continue;
      const file = files.find((each): each is File => isFile(each, specifier)) ?? exampleFile(page, specifier);
      if (file === undefined) continue;
      found.push(file);
      look(file);
    }
  };
  look(block);
  return found;
}

/** A file that the page does not show, of the example that it is about. */
function exampleFile({ path }: Page, name: string): File | undefined {
  const example = EXAMPLES[path];
  if (example === undefined || !/\.tsx?$/u.test(name) || !existsSync(join(ROOT, example, name))) return undefined;
  return { language: 'ts', info: '', name, line: 1, code: readFileSync(join(ROOT, example, name), 'utf8') };
}

function relativeImports({ code, name = '' }: Block): string[] {
  const specifiers = [...code.matchAll(SPECIFIER)].map(({ groups }) => groups?.['specifier'] ?? '');
  return specifiers.filter((each) => each.startsWith('.')).map((each) => posix.join(posix.dirname(name), each));
}

/** Also `./sessions.js`, as a program that is compiled names `sessions.ts`. */
function isFile({ name, info }: Block, specifier: string): boolean {
  if (name === undefined || info.startsWith(EXCUSE)) return false;
  return name === specifier || name.replace(/\.tsx?$/u, '.js') === specifier;
}

function* packagesOf(code: string): Generator<string> {
  for (const { groups } of code.matchAll(SPECIFIER)) {
    const specifier = groups?.['specifier'] ?? '';
    const [name] = /^(?:@[^/]+\/)?[^/]+/u.exec(specifier) ?? [];
    const isOwn = name === undefined || /^(?:[.#]|node:|otel-session-logs)/u.test(specifier);
    if (!isOwn) yield name;
  }
}

/** @throws where two different blocks are the same file. */
function withoutDoubles(programs: readonly Program[]): Program[] {
  const byPath = new Map<string, Program>();
  for (const program of programs) {
    const same = byPath.get(program.path);
    if (same !== undefined && same.line !== program.line)
      throw new Error(`${program.page}:${program.line} and :${same.line} below one heading are both ${program.path}`);
    if (same?.prints === undefined) byPath.set(program.path, program);
  }
  return [...byPath.values()];
}
