import { readPage } from './page.ts';

/** A program of a page of `docs/`: what stands below one heading. */
export interface PageProgram {
  readonly heading: string;
  /** Path to text. A block of code is a file when its first line is a comment with its name. */
  readonly files: ReadonlyMap<string, string>;
  /** The last line of the last block for the shell, without the variables before it, if it is more than an `npm install`. */
  readonly command: string | undefined;
  /** The packages of its `npm install`, with the range that is said of one, else ''. */
  readonly packages: ReadonlyMap<string, string>;
}

const INSTALL = 'npm install ';

function nameAndRange(word: string): [string, string] {
  const [, name = '', range = ''] = /^(@?[^@]+)@?(.*)$/u.exec(word) ?? [];
  return [name, range];
}

/** The programs of a page, in its order. */
export function programsOf(page: string): PageProgram[] {
  return readPage(`docs/${page}`)
    .sections.map(({ heading, blocks }) => {
      const named = blocks.flatMap(({ name, code }) => (name === undefined ? [] : [[name, code] as const]));
      const shell = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.trim().split('\n'));
      const install = shell.find((line) => line.startsWith(INSTALL)) ?? '';
      const command = shell.at(-1)?.replace(/^(?:[A-Z_]+=(?:'[^']*'|\S*) )+/u, '');
      return {
        heading,
        files: new Map(named),
        command: command?.startsWith(INSTALL) === true ? undefined : command,
        packages: new Map(install.slice(INSTALL.length).split(' ').filter(Boolean).map(nameAndRange)),
      };
    })
    .filter(({ files }) => files.size > 0);
}

/** The one of that heading. @throws when the page has none. */
export function programOf(page: string, heading: string): PageProgram {
  const found = programsOf(page).find((program) => program.heading === heading);
  if (found === undefined) throw new Error(`docs/${page} has no program below "${heading}"`);
  return found;
}
