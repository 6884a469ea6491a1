/**
 * Production builds of frameworks that bundle or trace what they deploy: Next.js 16, plain and `output: 'standalone'`, and
 * Nitro 2; on both OTel lines. Run by hand, since the installs are large:
 *
 *   npm run test:frameworks
 *   npm run test:frameworks -- Nitro       those with this word in their name
 *   npm run test:frameworks -- --write     also writes the table of docs/set-ups.md
 */
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { HOST_LINES } from '../hosts/host-project.ts';
import type { HostLine } from '../hosts/host-project.ts';
import { pack } from '../hosts/pack.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import { programOf } from '../support/page-programs.ts';
import { cell, report } from './matrix.ts';
import type { Row } from './matrix.ts';
import { checkPrinted, command, makeHost } from './set-up.ts';

const START_MILLIS = 60_000;

interface Deployment {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly files: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly build: readonly string[];
  /** Below the host: what is deployed by itself; `undefined` when it runs where it was built. */
  readonly output?: string;
  readonly start: readonly string[];
  /** The recipe of that heading is among its files. */
  readonly recipe?: string;
  /** Fields that the recipe's `next.config.ts` gets besides its own. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** In the place of asking for `/log`. */
  readonly ask?: (base: string, receiver: OtlpReceiver, server: ChildProcess) => Promise<void>;
  /** Without the optional peers: that builds, and is not run. */
  readonly isBare?: boolean;
}

const NEXT = { next: '^16.0.0', react: '^19.0.0', 'react-dom': '^19.0.0' };
const BUILD_NEXT = { files: 'next', packages: NEXT, build: ['npx', 'next', 'build'] };

const NEXT_RECIPE = {
  ...BUILD_NEXT,
  files: 'next-recipe',
  packages: { ...NEXT, typescript: '~5.9.3', '@types/node': '^20.19.43', '@types/react': '^19.0.0' },
  recipe: 'Next.js',
  start: ['node_modules/next/dist/bin/next', 'start'],
  ask: askRecipe,
};

const DEPLOYMENTS: readonly Deployment[] = [
  { name: 'Next.js 16', env: {}, ...BUILD_NEXT, start: ['node_modules/next/dist/bin/next', 'start'] },
  {
    name: 'Next.js 16, serverExternalPackages',
    env: { NEXT_EXTERNAL: 'yes' },
    ...BUILD_NEXT,
    start: ['node_modules/next/dist/bin/next', 'start'],
  },
  {
    name: 'Next.js 16 standalone',
    env: { NEXT_OUTPUT: 'standalone' },
    ...BUILD_NEXT,
    output: '.next/standalone',
    start: ['server.js'],
  },
  {
    name: 'Next.js 16 standalone, serverExternalPackages',
    env: { NEXT_OUTPUT: 'standalone', NEXT_EXTERNAL: 'yes' },
    ...BUILD_NEXT,
    output: '.next/standalone',
    start: ['server.js'],
  },
  { name: 'Next.js 16, the recipe', env: {}, ...NEXT_RECIPE },
  // As create-next-app sets it: whatever asks for nothing of the request is run at build time.
  { name: 'Next.js 16, the recipe, cacheComponents', env: {}, ...NEXT_RECIPE, config: { cacheComponents: true } },
  { name: 'Next.js 16, build without the peers', env: {}, ...BUILD_NEXT, start: [], isBare: true },
  {
    name: 'Nitro 2',
    env: {},
    files: 'nitro',
    packages: { nitropack: '^2.12.0', h3: '^1.15.0' },
    build: ['npx', 'nitropack', 'build'],
    output: '.output',
    start: ['server/index.mjs'],
  },
];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * A client gets what is logged, and hangs up while nothing is: its reader is free within seconds. SIGTERM ends the server
 * while another client reads, with what was logged just before it exported.
 */
async function askRecipe(base: string, receiver: OtlpReceiver, server: ChildProcess): Promise<void> {
  const log = async (text: string): Promise<void> => {
    assert.equal((await fetch(`${base}/chat/abc`, { method: 'POST', body: text })).status, 204);
  };
  const readers = async (): Promise<number> =>
    ((await (await fetch(`${base}/stats`)).json()) as { readers: number }).readers;
  await log('one');
  const leaving = new AbortController();
  const response = await fetch(`${base}/chat/abc`, { signal: leaving.signal });
  const body = response.body?.getReader();
  let received = '';
  while (!received.includes('"one"')) received += Buffer.from((await body?.read())?.value ?? []).toString();
  assert.equal(await readers(), 1);
  leaving.abort();
  const end = performance.now() + FREE_MILLIS;
  while ((await readers()) > 0) {
    assert.ok(performance.now() < end, 'the reader of a client that hung up stays');
    await delay(20);
  }
  await receiver.until(() => receiver.records().some(({ body: text }) => text === 'one'));
  const staying = await fetch(`${base}/chat/abc`);
  await log('last');
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  const exit = await Promise.race([exited, delay(END_MILLIS, undefined, { ref: false })]);
  assert.ok(exit !== undefined, 'SIGTERM does not end the server while a client reads');
  await staying.text();
  assert.ok(receiver.records().some(({ body: text }) => text === 'last'));
}

const FREE_MILLIS = 5_000;
const END_MILLIS = 10_000;

async function askForLog(base: string, receiver: OtlpReceiver): Promise<void> {
  const response = await fetch(`${base}/log`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 500)}`);
  checkPrinted(text, receiver);
}

/** Starts the server, asks it, and ends it. */
async function runServer(start: readonly string[], cwd: string, ask: NonNullable<Deployment['ask']>): Promise<void> {
  const receiver = await startOtlpReceiver();
  const port = await freePort();
  const env = {
    ...process.env,
    PORT: String(port),
    HOSTNAME: '127.0.0.1',
    HOST: '127.0.0.1',
    NEXT_MANUAL_SIG_HANDLE: 'true',
    LOGS_PATH: await mkdtemp(join(cwd, 'logs-')),
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_SERVICE_NAME: 'set-up',
  };
  const server = spawn(process.execPath, start, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (said += String(text)));
  try {
    const base = `http://127.0.0.1:${port}`;
    await untilAnswered(base, server);
    await ask(base, receiver, server);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  } finally {
    server.kill('SIGKILL');
    await receiver.close();
  }
}

async function untilAnswered(url: string, server: { readonly exitCode: number | null }): Promise<void> {
  const end = performance.now() + START_MILLIS;
  for (;;) {
    try {
      await fetch(url, { signal: AbortSignal.timeout(START_MILLIS) });
      return;
    } catch (error) {
      if (server.exitCode !== null || performance.now() > end) throw error;
      await delay(100);
    }
  }
}

function withConfig(code: string, config: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(config).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},\n`);
  const begin = /const config: NextConfig = \{\n/;
  assert.match(code, begin);
  return code.replace(begin, (found) => found + fields.join(''));
}

function withoutPeers({ name, dependencies }: HostLine): HostLine {
  const api = '@opentelemetry/api';
  return { name, dependencies: { [api]: dependencies[api] ?? '' } };
}

/** Each line as the deployment's host, built anew for each kind of build. */
async function deploy(directory: string, tarball: string, line: HostLine, deployment: Deployment): Promise<void> {
  const {
    env,
    files,
    packages,
    build,
    output,
    start,
    recipe,
    config = {},
    ask = askForLog,
    isBare = false,
  } = deployment;
  const host = join(directory, `${files}-${HOST_LINES.indexOf(line)}${isBare ? '-bare' : ''}`);
  await makeHost(host, tarball, isBare ? withoutPeers(line) : line, files, packages);
  for (const [file, code] of recipe === undefined ? [] : programOf('recipes-setups.md', recipe).files) {
    await mkdir(dirname(join(host, file)), { recursive: true });
    await writeFile(join(host, file), file === 'next.config.ts' ? withConfig(code, config) : code);
  }
  await Promise.all(['.next', '.output'].map((made) => rm(join(host, made), { recursive: true, force: true })));
  const { stdout, stderr } = await command(build, host, { ...env, NEXT_TELEMETRY_DISABLED: '1' });
  const warnings = `${stdout}\n${stderr}`
    .split('\n')
    .filter((text) => /warn|exist in target|can't resolve/i.test(text));
  if (warnings.length > 0) console.log(warnings.join('\n'));
  if (isBare) return;
  if (output === undefined) return runServer(start, host, ask);
  const alone = await mkdtemp(join(directory, 'alone-'));
  await cp(join(host, output), alone, { recursive: true, verbatimSymlinks: true });
  return runServer(start, alone, ask);
}

async function main(directory: string): Promise<void> {
  const tarball = await pack(directory);
  const rows: Row[] = [];
  const only = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
  for (const deployment of DEPLOYMENTS.filter(({ name }) => only.every((word) => name.includes(word)))) {
    const row: Record<string, string> = { deployment: deployment.name };
    for (const line of HOST_LINES) {
      row[line.name] = await cell(`${deployment.name}, ${line.name}`, () =>
        deploy(directory, tarball, line, deployment),
      );
    }
    const host = join(
      directory,
      `${deployment.files}-0${deployment.isBare === true ? '-bare' : ''}`,
      'node_modules',
      deployment.files.replace('nitro', 'nitropack').replace('-recipe', ''),
    );
    const { version } = JSON.parse(await readFile(join(host, 'package.json'), 'utf8')) as { version: string };
    rows.push({ ...row, version });
  }
  await report('frameworks', rows);
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-frameworks-'));
try {
  await main(directory);
} finally {
  if (process.env['KEEP'] === undefined) await rm(directory, { recursive: true, force: true });
  else console.log(directory);
}
