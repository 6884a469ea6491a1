import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { runScript } from '../support/run-script.ts';
import type { Ran } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const LONG = Array.from({ length: 46 }, (_, index) => `word${index}`).join(' ');

describe('the English that is read', () => {
  let project: string;

  const write = (path: string, text: string): void => writeFileSync(join(project, path), text);
  const read = (...names: string[]): Promise<Ran> => runScript('prose.ts', project, names);

  beforeEach(() => {
    project = temporaryDirectory();
    for (const folder of ['docs', 'src', 'viewer/src', 'viewer/page/src']) {
      mkdirSync(join(project, folder), { recursive: true });
    }
    write('src/a.ts', "/** Fine. */\nexport const a = 'ours';\n");
  });

  it('is fine, and what stands in code, in tables of code and in what was released is not read', async () => {
    write(
      'docs/a.md',
      `# A\n\nFine, \`e.g.\`.\n\n\`\`\`ts\n// e.g.\n\`\`\`\n\n<!-- prose-off -->\ne.g.\n<!-- prose-on -->\n`,
    );
    write(
      'CHANGELOG.md',
      '# Changelog\n\n## [Unreleased]\n\n- Fine.\n\n## [1.0.0] - 2026-01-01\n\n- The exporter of ours.\n',
    );
    expect(await read()).toEqual({ status: 0, stdout: '2 documents, 1 files of source: 0 findings\n', stderr: '' });
  });

  it.each([
    ['docs/a.md', '# A\n\nFine.\n\nOne, e.g. that.\n', 'docs/a.md:5: "e.g.": write "for example"'],
    ['CHANGELOG.md', '# A\n\n- Of ours.\n', 'CHANGELOG.md:3: "ours": say whose'],
    ['docs/a.md', '| a | b |\n| --- | --- |\n| an exporter who | b |\n', 'docs/a.md:3: "exporter who": things are'],
    ['docs/a.md', `# A\n\nFine. ${LONG}.\n`, 'docs/a.md:3: 46 words without a pause'],
    ['src/a.ts', '/**\n * Fine.\n *\n * One of ours.\n */\nexport const a = 1;\n', 'src/a.ts:4: "ours": say whose'],
    ['src/a.ts', "export const a =\n  'a message that is simply wrong';\n", 'src/a.ts:2: "simply": leave it out'],
    ['viewer/src/a.ts', "export const a =\n  'a message that is simply wrong';\n", 'viewer/src/a.ts:2: "simply"'],
    [
      'viewer/page/src/a.tsx',
      '/** One of ours. */\nexport const a = 1;\n',
      'viewer/page/src/a.tsx:1: "ours": say whose',
    ],
  ])('is found with its line: %s, %j', async (path, text, expected) => {
    write(path, text);
    const { status, stderr } = await read();
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^[^\n]*$/);
    expect(stderr).toContain(expected);
  });

  it('is fine where a long sentence has a pause', async () => {
    write('docs/a.md', `${LONG.replace(' word20', '; word20')}.\n`);
    expect(await read()).toMatchObject({ status: 0 });
  });

  it('is that of the files that are named', async () => {
    write('docs/a.md', 'Of ours.\n');
    write('docs/b.md', 'Fine.\n');
    expect(await read('b.md')).toMatchObject({ status: 0, stdout: '1 documents, 0 files of source: 0 findings\n' });
  });
});
