/**
 * Reads the English of the documents, and of the docstrings and the messages in the sources of both packages, for what makes a
 * reader stop: the rules are in `prose-rules.ts`.
 *
 *     npm run prose                    all of it
 *     npm run prose -- docs/read.md    files with one of these in their path
 *
 * Between `<!-- prose-off -->` and `<!-- prose-on -->` a document is not read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

import { TextlintKernel } from '@textlint/kernel';
import type { TextlintKernelOptions } from '@textlint/kernel';
import markdown from '@textlint/textlint-plugin-markdown';

import { longSentences, words } from './prose-rules.ts';

const ROOT = process.cwd();
/** What was released stays as it is. */
const RELEASED = /^## \[\d/mu;
const OFF = /<!-- prose-off -->[^]*?<!-- prose-on -->/gu;
const DOCSTRING = /\/\*\*[^]*?\*\//gu;
/** An example is code, and a table or an address is not read as a sentence. */
const EXAMPLE = /@example[^]*?(?=\n\s*\* @|\*\/|$)/gu;
const MESSAGE = /'[^'\n]* [^'\n]* [^'\n]*'|`[^`\n]* [^`\n]* [^`\n]*`/gu;

const OPTIONS: Omit<TextlintKernelOptions, 'filePath'> = {
  ext: '.md',
  plugins: [{ pluginId: 'markdown', plugin: markdown.default ?? markdown }],
  rules: [
    { ruleId: 'words', rule: words },
    { ruleId: 'long-sentence', rule: longSentences },
  ],
};

const blank = (text: string): string => text.replaceAll(/[^\n]/gu, ' ');

function documentText(path: string): string {
  const text = readFileSync(path, 'utf8').replaceAll(OFF, blank);
  const end = path === 'CHANGELOG.md' ? text.search(RELEASED) : -1;
  return end === -1 ? text : text.slice(0, end);
}

/** Only the docstrings and the messages of a file, each at its line, as Markdown. */
function sourceText(path: string): string {
  const code = readFileSync(path, 'utf8');
  const lines = blank(code)
    .split('\n')
    .map(() => '');
  const put = (index: number, text: string): void => {
    const first = code.slice(0, index).split('\n').length - 1;
    for (const [at, line] of text.split('\n').entries()) lines[first + at] = line;
  };
  for (const { 0: comment, index } of code.matchAll(DOCSTRING)) {
    const text = comment.replaceAll(EXAMPLE, (example) => example.replaceAll(/[^\n]/gu, ''));
    put(
      index,
      text
        .replace(/^\/\*\*/u, '')
        .replace(/\*\/$/u, '')
        .replaceAll(/^[^\S\n]*\* ?(?:@\w+ ?)?/gmu, ''),
    );
  }
  const rest = code.replaceAll(/\/\*\*?[^]*?\*\/|\/\/[^\n]*|^import [^\n]*/gmu, blank);
  // What is quoted is one message, or a part of one.
  for (const { 0: text, index } of rest.matchAll(MESSAGE)) {
    const plain = text
      .slice(1, -1)
      .replaceAll(/\$\{[^}]*\}/gu, '`x`')
      .replaceAll(/[*_#<>|[\]]/gu, ' ');
    put(index, `${plain}.`);
  }
  return lines.join('\n');
}

function filesIn(folder: string, ending: string, isDeep = false): string[] {
  return readdirSync(join(ROOT, folder), { recursive: isDeep, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => posix.join(folder, name))
    .toSorted();
}

const names = process.argv.slice(2);
const isWanted = (path: string): boolean => names.length === 0 || names.some((name) => path.includes(name));
const documents = ['.', 'docs', 'viewer'].flatMap((folder) => filesIn(folder, '.md')).filter(isWanted);
const sources = ['src', 'viewer/src', 'viewer/page/src']
  .flatMap((folder) => ['.ts', '.tsx'].flatMap((ending) => filesIn(folder, ending, true)))
  .filter(isWanted);
const kernel = new TextlintKernel();
let count = 0;
for (const [paths, textOf] of [
  [documents, documentText],
  [sources, sourceText],
] as const) {
  for (const path of paths) {
    const { messages } = await kernel.lintText(textOf(path), { ...OPTIONS, filePath: path });
    count += messages.length;
    for (const { loc, message } of messages) console.error(`${path}:${loc.start.line}: ${message}`);
  }
}
console.log(`${documents.length} documents, ${sources.length} files of source: ${count} findings`);
process.exitCode = count === 0 ? 0 : 1;
