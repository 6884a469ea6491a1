import { describe, expect, it } from 'vitest';

import { parsePage } from '../support/page.ts';
import { programsIn } from './programs.ts';
import { isLike } from './run.ts';

const of = (text: string): ReturnType<typeof programsIn> => programsIn([parsePage('docs/a.md', text)]);
const block = (code: string, info = 'ts'): string => `\`\`\`${info}\n${code}\n\`\`\`\n\n`;

describe('the programs of a page', () => {
  it('are its blocks of TypeScript, each a file in the folder of its heading', () => {
    const { programs, excused } = of(`# A\n${block('a;')}## B b\n${block('// x/b.ts\nb;')}${block('sh', 'sh')}`);
    expect(programs.map(({ path, line }) => [path, line])).toEqual([
      ['pages/docs/a/1-a/line-3.ts', 3],
      ['pages/docs/a/6-b-b/x/b.ts', 8],
    ]);
    expect(excused).toEqual([]);
  });

  it('have the files that they import beside them: of their heading, else the nearest before, else one after', () => {
    const first = `# A\n${block('// s.ts\n1;')}# B\n${block("// s.ts\nimport './t.ts';")}`;
    const { programs } = of(`${first}# C\n${block("import { s } from './s.js';")}# D\n${block('// t.ts\n4;')}`);
    const inC = programs
      .filter(({ path }) => path.includes('-c/'))
      .map(({ path, code }) => [path.slice(path.lastIndexOf('/') + 1), code]);
    expect(inC.slice(1)).toEqual([
      ['s.ts', "// s.ts\nimport './t.ts';\n"],
      ['t.ts', '// t.ts\n4;\n'],
    ]);
  });

  it('say which packages they import', () => {
    const code =
      "import 'a/b';\nimport type {\n  X,\n} from '@c/d/e';\nawait import('f');\nimport 'node:fs';\nconst text = 'import from ';\nimport 'otel-session-logs/redis';";
    expect([...of(block(code)).imports]).toEqual(['a', '@c/d', 'f']);
  });

  it('say what they print at their end, or in the next block', () => {
    const { programs } = of(
      `${block('a;\n// => 1\n// =>\n// => 2')}${block('b;')}${block('3\n4', 'text output')}${block('c;')}`,
    );
    expect(programs.map(({ prints }) => prints)).toEqual([['1', '', '2'], ['3', '4'], undefined]);
  });

  it('are excused with a reason', () => {
    expect(of(block('a', 'ts no-check half a program')).excused).toEqual([
      { page: 'docs/a.md', line: 2, reason: 'half a program' },
    ]);
  });

  it('cannot be the same file twice below one heading', () => {
    expect(() => of(block('// a.ts\n1;') + block('// a.ts\n2;'))).toThrow(
      'docs/a.md:7 and :2 below one heading are both',
    );
  });
});

describe('what a program prints', () => {
  it('is compared with the page, in which `...` stands for any text', () => {
    expect(isLike('took 12 ms (x)', 'took ... ms (x)')).toBe(true);
    expect(isLike('took 12 ms (x)', 'took ... ms .x.')).toBe(false);
    expect(isLike('a b', 'a')).toBe(false);
  });
});
