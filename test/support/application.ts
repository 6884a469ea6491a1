import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { newerLine } from './sdk-lines.ts';
import type { SdkLine } from './sdk-lines.ts';

/** A folder that looks like an application with packages of its own installed. */
export interface Application {
  readonly folder: string;
  readonly main: string;
  remove(): void;
}

/**
 * Makes an application in a temporary folder. `packages` are linked from the tests' installation of that line; a string
 * in `fakes` is the version of an empty package.
 */
export function makeApplication(options: {
  readonly line?: SdkLine;
  readonly packages?: readonly string[];
  readonly fakes?: Readonly<Record<string, string>>;
}): Application {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'session-logs-app-')));
  const main = join(folder, 'main.js');
  writeFileSync(main, '');
  for (const name of options.packages ?? []) {
    link(packageFolder((options.line ?? newerLine).require, name), join(folder, 'node_modules', name));
  }
  for (const [name, version] of Object.entries(options.fakes ?? {})) {
    const target = join(folder, 'node_modules', name);
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
    writeFileSync(join(target, 'index.js'), '');
  }
  return { folder, main, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function link(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(source, target, 'dir');
}

/** The folder of a package: `exports` hide its `package.json`, so its name in the path is searched for. */
export function packageFolder(require: NodeJS.Require, name: string): string {
  const entry = require.resolve(name);
  const mark = join('node_modules', name);
  return entry.slice(0, entry.lastIndexOf(mark) + mark.length);
}
