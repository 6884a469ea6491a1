import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A fenced block of code. */
export interface Block {
  readonly language: string;
  /** What follows the language: `no-check`, a reason. */
  readonly info: string;
  readonly code: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  /** The name in a comment that is the first line, where it is a file. */
  readonly name: string | undefined;
}

/** What stands below one heading, up to the next one of any level. */
export interface Section {
  /** Without its number signs; `''` before the first. */
  readonly heading: string;
  readonly level: number;
  readonly line: number;
  readonly blocks: readonly Block[];
}

/** A Markdown file. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly sections: readonly Section[];
  /** Its lines, with those of blocks emptied. */
  readonly prose: readonly string[];
}

const ROOT = new URL('../../', import.meta.url);
const FENCE = /^(?<indent> *)(?<fence>`{3,}|~{3,})(?<language>[\w-]*) *(?<info>.*)$/u;
const HEADING = /^(?<signs>#{1,6}) (?<heading>.*)$/u;
const NAME = /^(?:\/\/|#|<!--|\/\*) (?<name>[\w./[\]-]+\.\w+)(?: -->| \*\/)?$/u;

export function readPage(path: string): Page {
  return parsePage(path, readFileSync(fileURLToPath(new URL(path, ROOT)), 'utf8'));
}

export function parsePage(path: string, text: string): Page {
  const sections: (Omit<Section, 'blocks'> & { readonly blocks: Block[] })[] = [
    { heading: '', level: 0, line: 1, blocks: [] },
  ];
  const prose = text.split('\n');
  for (let at = 0; at < prose.length; at += 1) {
    const { signs, heading } = HEADING.exec(prose[at] ?? '')?.groups ?? {};
    if (signs !== undefined && heading !== undefined)
      sections.push({ heading: heading.trim(), level: signs.length, line: at + 1, blocks: [] });
    const { indent = '', fence, language = '', info = '' } = FENCE.exec(prose[at] ?? '')?.groups ?? {};
    if (fence === undefined) continue;
    let end = at + 1;
    while (end < prose.length && !(prose[end] ?? '').trimStart().startsWith(fence)) end += 1;
    const lines = prose.slice(at + 1, end).map((line) => line.slice(indent.length));
    const name = NAME.exec(lines[0] ?? '')?.groups?.['name'];
    const code = lines.map((line) => `${line}\n`).join('');
    sections.at(-1)?.blocks.push({ language, info: info.trim(), code, line: at + 2, name });
    prose.fill('', at, end + 1);
    at = end;
  }
  return { path, sections, prose };
}
