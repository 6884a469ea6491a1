import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { builtSource } from './support/built-source.ts';
import { runProgram } from './support/run-script.ts';
import type { Ran } from './support/run-script.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url));

/** A project with this package in it, and what it needs, but without the viewer. */
function makeProject(): string {
  const project = temporaryDirectory();
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  for (const name of ['@opentelemetry', '@eslint-community', 'log4js', 'zod']) {
    symlinkSync(join(MODULES, name), join(modules, name));
  }
  cpSync(dirname(fileURLToPath(builtSource().url('cli.js'))), join(modules, 'otel-session-logs'), { recursive: true });
  writeFileSync(join(modules, 'otel-session-logs', 'package.json'), '{"name":"otel-session-logs","type":"module"}');
  return project;
}

/** Puts a package with the viewer's door there, which tells what it is called with. */
function addViewer(project: string): void {
  const directory = join(project, 'node_modules', 'otel-session-logs-viewer');
  mkdirSync(directory, { recursive: true });
  const manifest = { name: 'otel-session-logs-viewer', type: 'module', exports: { './cli': { default: './cli.js' } } };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  writeFileSync(
    join(directory, 'cli.js'),
    `export async function dev(args, { stdout, register }) {
      stdout.write(JSON.stringify({ args, register }));
      return 7;
    }`,
  );
}

function runDev(project: string, cwd: string, ...args: string[]): Promise<Ran> {
  const cli = join(project, 'node_modules', 'otel-session-logs', 'cli.js');
  return runProgram(process.execPath, [cli, 'dev', ...args], { cwd });
}

test('without the viewer `dev` prints the line that installs it', async () => {
  const project = makeProject();
  expect(await runDev(project, project)).toEqual({
    status: 1,
    stdout: '',
    stderr: 'dev needs the package otel-session-logs-viewer: npm install --save-dev otel-session-logs-viewer\n',
  });
});

test('`dev` runs the viewer beside this package with all arguments, and ends with its code', async () => {
  const project = makeProject();
  addViewer(project);
  const { status, stdout } = await runDev(project, '/', 'logs', '--port', '0', '--', 'node', '--help');
  expect(status).toBe(7);
  const { args, register } = JSON.parse(stdout) as { readonly args: string[]; readonly register: string };
  expect(args).toEqual(['logs', '--port', '0', '--', 'node', '--help']);
  expect(fileURLToPath(register)).toMatch(/otel-session-logs[\\/]register\.js$/);
});

test('`dev` runs the viewer of the project in which it is run, where there is none beside this package', async () => {
  const other = temporaryDirectory();
  writeFileSync(join(other, 'package.json'), '{}');
  addViewer(other);
  expect((await runDev(makeProject(), other)).status).toBe(7);
});
