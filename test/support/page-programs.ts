import { readFileSync } from 'node:fs';

/** A program of a page of `docs/`: what stands below one heading. */
export interface PageProgram {
  readonly heading: string;
  /** Path to text. A block of code is a file when its first line is a comment with its name. */
  readonly files: ReadonlyMap<string, string>;
  /** The last line of the block for the shell, if there is one. */
  readonly command: string | undefined;
}

const FENCE = /^```(\w+)\n([^]*?)^```$/gmu;
const NAME = /^\/\/ ([\w./[\]-]+\.\w+)\n/u;

/** The programs of a page, in its order. */
export function programsOf(page: string): PageProgram[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  return text
    .split(/^##+ /gmu)
    .map((section) => {
      const blocks = [...section.matchAll(FENCE)].map(([, language = '', code = '']) => ({ language, code }));
      const named = blocks.flatMap(({ code }) => {
        const [, name] = NAME.exec(code) ?? [];
        return name === undefined ? [] : [[name, code] as const];
      });
      const shell = blocks.findLast(({ language }) => language === 'sh')?.code;
      return {
        heading: section.split('\n', 1)[0]?.trim() ?? '',
        files: new Map(named),
        command: shell?.trim().split('\n').at(-1),
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
