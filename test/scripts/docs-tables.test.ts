import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { updated } from '../../bench/docs-data.ts';
import { runScript } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const TABLE = '| # | b |\n| --- | --- |\n| 1 | x |\n| 2 | |';
const page = (table: string): string => `# A\n\n<!-- t -->\n\n${table}\n\n<!-- end of t -->\n\nText.\n`;

describe('a table of the documents', () => {
  let project: string;
  const write = (text: string): void => writeFileSync(join(project, 'docs/a.md'), text);

  beforeEach(() => {
    project = temporaryDirectory();
    mkdirSync(join(project, 'docs/data'), { recursive: true });
    const data = { page: 'a.md', table: 't', rows: [{ '#': '1', b: 'x' }, { '#': '2' }] };
    writeFileSync(join(project, 'docs/data/a.json'), JSON.stringify(data));
  });

  it('is written from its file, and the rest of its page stays', async () => {
    write(page('old'));
    expect(await runScript('docs-tables.ts', project)).toMatchObject({ status: 0 });
    expect(readFileSync(join(project, 'docs/a.md'), 'utf8')).toBe(page(TABLE));
    expect(await runScript('docs-tables.ts', project, ['--check'])).toMatchObject({ status: 0, stderr: '' });
  });

  it('is indented where its place is, within an item of a list', async () => {
    const indented = (text: string): string => text.replaceAll(/^(?=[|<])/gm, '  ');
    write(indented(page('old')));
    expect(await runScript('docs-tables.ts', project)).toMatchObject({ status: 0 });
    expect(readFileSync(join(project, 'docs/a.md'), 'utf8')).toBe(indented(page(TABLE)));
    expect(await runScript('docs-tables.ts', project, ['--check'])).toMatchObject({ status: 0, stderr: '' });
  });

  it('is told when it differs from its file, and left as it is', async () => {
    write(page(TABLE.replace('x', 'y')));
    const { status, stderr } = await runScript('docs-tables.ts', project, ['--check']);
    expect([status, stderr]).toEqual([
      1,
      'the table "t" of docs/a.md is not that of docs/data/a.json: npm run docs:tables\n',
    ]);
    expect(readFileSync(join(project, 'docs/a.md'), 'utf8')).toContain('y');
  });

  it('has a place, or it fails', async () => {
    write('# A\n');
    const { status, stderr } = await runScript('docs-tables.ts', project);
    expect([status, stderr]).toEqual([1, expect.stringContaining('docs/a.md has no <!-- t --> ... <!-- end of t -->')]);
  });

  it('has new figures in the place of all rows of their number', () => {
    const columns = ['#', 'work', 'this', 'ratio', 'peers', 'target', 'reached'];
    const rowOf = (...cells: string[]): Record<string, string> =>
      Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
    const rows = [rowOf('1', 'a'), rowOf('2', 'b'), rowOf('2', 'c'), rowOf('10', 'd')];
    const figures = { row: 2, what: 'new', figure: '5 ns', ratio: '', peers: 'p', target: '6 ns', reached: 'yes' };
    expect(updated({ rows }, [figures])).toEqual([rows[0], rowOf('2', 'new', '5 ns', '', 'p', '6 ns', 'yes'), rows[3]]);
  });
});
