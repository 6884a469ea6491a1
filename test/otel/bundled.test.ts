import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

import { builtSource } from '../support/built-source.ts';
import { olderLine, sdkLines } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SDK = '@opentelemetry/sdk-logs';
const HTTP = '@opentelemetry/exporter-logs-otlp-http';
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };

const START = `
  import { startSessionLogs } from ${JSON.stringify(fileURLToPath(builtSource().url('index.js')))};
  const sessions = startSessionLogs({ file: false, console: false, streamHandler: false });
  sessions.then(() => console.log('started'), ({ code, message }) => console.log(code + ': ' + message));
`;

interface BundleOptions {
  readonly external?: string[];
  readonly alias?: Record<string, string>;
  /** @default 'cjs' */
  readonly format?: 'esm';
  /** The first line of the bundle. */
  readonly banner?: string;
  /** A package that lies beside the bundle, and cannot be loaded. */
  readonly broken?: readonly [name: string, version: string];
  readonly env?: NodeJS.ProcessEnv;
}

/** Bundles the program into one file, runs it where there is nothing else, and gives what it printed. */
async function runBundle(contents: string, options: BundleOptions): Promise<string> {
  const directory = temporaryDirectory();
  const outfile = join(directory, options.format === 'esm' ? 'program.mjs' : 'program.cjs');
  await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    outfile,
    bundle: true,
    platform: 'node',
    format: options.format ?? 'cjs',
    alias: options.alias ?? {},
    external: options.external ?? [],
    banner: { js: options.banner ?? '' },
    logLevel: 'silent',
  });
  if (options.broken !== undefined) {
    const [name, version] = options.broken;
    const folder = join(directory, 'node_modules', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
    writeFileSync(join(folder, 'index.js'), "throw new Error('broken on purpose');");
  }
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], {
    cwd: directory,
    env: { ...process.env, ...options.env },
  });
  return stdout.trim();
}

describe('a start in a bundle', () => {
  it('has what the bundler took along', async () => {
    expect(await runBundle(START, { env: ENDPOINT })).toBe('started');
  });

  it('says of a package that it was left out of the bundle, and how it gets in', async () => {
    expect(await runBundle(START, { external: [SDK] })).toBe(
      `sdk_not_found: ${SDK} is neither in the bundle of this program nor installed where it runs. startSessionLogs makes its own logger provider with it: npm install ${SDK}@^3.1.0 where the bundle is made, or pass the option \`sdk\`, await import('${SDK}') (docs: otel-session-logs/docs/run.md#sdk_not_found)`,
    );
    expect(await runBundle(START, { external: [HTTP], env: ENDPOINT })).toBe(
      `exporter_not_found: ${HTTP} is neither in the bundle of this program nor installed where it runs: npm install ${HTTP}@^0.301.0 where the bundle is made, or pass an \`exporter\` (docs: otel-session-logs/docs/run.md#exporter_not_found)`,
    );
  });

  it('says of a bundle without a `require` how it gets one, and writes the daily file without log4js', async () => {
    const alias = { [SDK]: olderLine.require.resolve(SDK) };
    const said = await runBundle(START, { format: 'esm', alias });
    expect(said).toMatch(/^sdk_not_found: .*sdk-logs could not be loaded: Dynamic require of "\w+" is not supported/);
    const [, banner = ''] = /by this banner: (.*) \(docs: \S+\)$/u.exec(said) ?? [];
    expect(await runBundle(START, { format: 'esm', alias, banner })).toBe('started');
    expect(readFileSync('docs/set-ups.md', 'utf8')).toContain(banner);
    expect(await runBundle(START.replace('file: false, ', ''), { format: 'esm' })).toBe('started');
  });

  it('says of a package what keeps it from being loaded, and of another version that it does not fit', async () => {
    const startBeside = (version: string): Promise<string> =>
      runBundle(START, { external: [SDK], broken: [SDK, version] });
    expect(await startBeside('3.1.1')).toContain(`${SDK} 3.1.1 could not be loaded: broken on purpose. startSession`);
    expect(await startBeside('0.57.2')).toContain(`${SDK} 0.57.2 is not supported. startSessionLogs`);
  });

  it.each(sdkLines)('takes an SDK that is handed in, of line %s', async (_name, { require }) => {
    const sdk = JSON.stringify(require.resolve(SDK));
    const handed = START.replace('file: false', 'file: false, sdk').replace(
      'import',
      `import * as sdk from ${sdk};\nimport`,
    );
    expect(await runBundle(handed, { external: [SDK] })).toBe('started');
  });

  it.each(sdkLines)('uses no name of the API, in any form, that line %s lacks', (_name, { require }) => {
    const api = Object.keys(require('@opentelemetry/api') as object);
    const used = builtTexts().flatMap(namesOfApi);
    expect(used).toContain('diag');
    expect(used.filter((name) => !api.includes(name))).toEqual([]);
  });
});

/** The files of all doors. */
function builtTexts(): string[] {
  const directory = fileURLToPath(builtSource().url(''));
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.js') && !/^(?:scripts|examples|programs)\//.test(name))
    .map((name) => readFileSync(join(directory, name), 'utf8'));
}

/** What bundlers resolve: names that are imported, read from the namespace, or asked for in it. */
function namesOfApi(text: string): string[] {
  const lists = [...text.matchAll(/import \{([^}]*)\} from "@opentelemetry\/api"/g)].map(([, list = '']) => list);
  const namespaces = [...text.matchAll(/import \* as (\w+) from "@opentelemetry\/api"/g)].map(([, name = '']) => name);
  const patterns = namespaces.flatMap((name) => [`(?<![\\w.-])${name}\\.(\\w+)`, `"(\\w+)" in ${name}\\b`]);
  const reads = patterns.flatMap((pattern) => Array.from(text.matchAll(new RegExp(pattern, 'g'))));
  return [
    ...lists.flatMap((list) => list.split(',').map((part) => part.trim().split(' as ')[0] ?? '')),
    ...reads.map(([, name = '']) => name),
  ];
}
