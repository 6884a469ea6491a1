import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runScript } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const INDEX = `
import type { Inner } from './inner.ts';
/** Opens it. */
export declare function open(name: string): Inner;
export declare class Thing {
  #private;
  private secret;
  readonly name: string;
}
`;
const INNER = `
export interface Inner {
  readonly shown: number;
}
export interface Hidden {}
`;
const DOORS = {
  '.': { types: './dist/index.d.ts' },
  './side': { types: './dist/side.d.ts' },
  './package.json': './package.json',
};

function write(project: string, name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

function setDoors(project: string, exports: object): void {
  write(project, 'package.json', JSON.stringify({ name: 'thing', type: 'module', exports }));
}

describe('the API report', () => {
  const reported = mkdtempSync(join(tmpdir(), 'session-logs-'));
  afterAll(() => rmSync(reported, { recursive: true }));

  beforeAll(async () => {
    mkdirSync(join(reported, 'dist'));
    setDoors(reported, DOORS);
    write(reported, 'tsconfig.json', '{ "compilerOptions": { "module": "NodeNext", "lib": ["ES2023"], "types": [] } }');
    write(reported, 'dist/index.d.ts', INDEX);
    write(reported, 'dist/inner.d.ts', INNER);
    write(reported, 'dist/side.d.ts', 'export {};\n');
    expect(await runScript('api-report.ts', reported)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  /** A copy of the project, to be changed. */
  function copy(): string {
    const project = temporaryDirectory();
    cpSync(reported, project, { recursive: true });
    return project;
  }

  it('has every public name of each door with its types, and nothing private', () => {
    expect(readdirSync(join(reported, 'api'))).toEqual(['index.api.md', 'side.api.md']);
    const index = readFileSync(join(reported, 'api/index.api.md'), 'utf8');
    expect(/```ts\n([^]*)```/.exec(index)?.[1]).toBe(
      [
        'interface Inner {\n    readonly shown: number;\n}',
        'export function open(name: string): Inner;',
        'export class Thing {\n    readonly name: string;\n}\n',
      ].join('\n\n'),
    );
    const side = readFileSync(join(reported, 'api/side.api.md'), 'utf8');
    expect(side).toMatch(/^# thing\/side\n[^]*It exports no name\.\n$/);
  });

  it('is the same when only docstrings, private members or unreachable types changed', async () => {
    const project = copy();
    write(project, 'dist/index.d.ts', INDEX.replace('/** Opens it. */', '').replace('secret', 'other'));
    write(project, 'dist/inner.d.ts', INNER.replace('Hidden', 'Renamed'));
    expect(await runScript('api-report.ts', project, ['--check'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('fails its check with the difference and the command when public names, types or doors changed', async () => {
    const project = copy();
    write(project, 'dist/index.d.ts', INDEX.replace('name: string;', 'title: string;'));
    write(project, 'dist/inner.d.ts', INNER.replace('shown: number', 'shown: bigint'));
    setDoors(project, { '.': DOORS['.'], './new': { types: './dist/inner.d.ts' } });
    const { status, stderr } = await runScript('api-report.ts', project, ['--check']);
    expect(status).toBe(1);
    for (const line of [
      '-    readonly name: string;',
      '+    readonly title: string;',
      '-    readonly shown: number;',
      '+    readonly shown: bigint;',
      'api/new.api.md is missing',
      'api/side.api.md is the report of no door',
    ]) {
      expect(stderr).toContain(`\n${line}\n`);
    }
    expect(stderr).toContain('`npm run api`');
  });
});
