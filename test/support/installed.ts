import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { onTestFinished } from 'vitest';

import { makeApplication } from './application.ts';
import type { Application } from './application.ts';
import { builtSource } from './built-source.ts';
import { newerLine } from './sdk-lines.ts';
import type { SdkLine } from './sdk-lines.ts';

/** What the package needs in any case. */
const DEPENDENCIES = ['log4js', 'zod', '@eslint-community/regexpp'];

/** Folders beside the doors that are not the package. */
const OTHERS = ['scripts', 'examples', 'programs'];

/**
 * An application that goes with the test, with this package installed in it as users have it, and of other packages those that
 * are named: it sees nothing of this repository's.
 */
export function applicationWithPackage(packages: readonly string[], line: SdkLine = newerLine): Application {
  const application = makeApplication({ line, packages: ['@opentelemetry/api', ...packages] });
  onTestFinished(() => application.remove());
  const dependencies = makeApplication({ line: newerLine, packages: DEPENDENCIES });
  onTestFinished(() => dependencies.remove());
  cpSync(join(dependencies.folder, 'node_modules'), join(application.folder, 'node_modules'), { recursive: true });
  const folder = join(application.folder, 'node_modules/otel-session-logs');
  mkdirSync(folder, { recursive: true });
  const built = dirname(fileURLToPath(builtSource().url('index.js')));
  cpSync(built, join(folder, 'dist'), {
    recursive: true,
    filter: (source) => !OTHERS.some((name) => source === join(built, name)),
  });
  const exports = { '.': './dist/index.js', './*': './dist/*.js' };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'otel-session-logs', version: '0.0.0', type: 'module', exports }),
  );
  return application;
}
