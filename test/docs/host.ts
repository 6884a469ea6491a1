import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { pack } from '../hosts/pack.ts';
import { command } from '../set-ups/set-up.ts';
import { versionsOf } from './packages.ts';
import type { Programs } from './programs.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** It stays, so that the next run installs nothing; what this repository has installed is found from here too. */
export const HOST: string = join(ROOT, 'node_modules', '.cache', 'docs-check');
/** Declarations are enough of most, which is what makes a minute of many. */
const INSTALL = [
  'npm',
  'install',
  '--ignore-scripts',
  '--omit=optional',
  '--legacy-peer-deps',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
];

const GLOBALS = 'globals.d.ts';
/** What a bundler and Next.js declare for an application. */
const AMBIENT = `
declare module '*.css';
interface RouteContext<Route extends string> { readonly route?: Route; readonly params: Promise<{ id: string }> }
interface PageProps<Route extends string> { readonly route?: Route; readonly params: Promise<{ id: string }> }
`;

const COMPILER_OPTIONS = {
  strict: true,
  module: 'nodenext',
  target: 'es2023',
  jsx: 'react-jsx',
  skipLibCheck: true,
  experimentalDecorators: true,
  // A block is a module, also one without imports.
  moduleDetection: 'force',
  noEmit: true,
  allowImportingTsExtensions: true,
  types: ['node'],
};

/** Makes the project in which the programs are compiled and run: the packed package, and what they import. */
export async function makeHost({ programs, imports, folders }: Programs): Promise<void> {
  await mkdir(join(HOST, 'own'), { recursive: true });
  const own = await readdir(join(HOST, 'own'));
  for (const folder of ['.', ...own.map((name) => `own/${name}`)])
    await rm(join(HOST, folder, 'pages'), { recursive: true, force: true });
  await install(imports, folders);
  await unpack();
  for (const { path, code } of programs) {
    await mkdir(dirname(join(HOST, path)), { recursive: true });
    await writeFile(join(HOST, path), code);
  }
  await writeFile(join(HOST, GLOBALS), AMBIENT);
}

/** Says which files are compiled. */
export async function writeProject(files: readonly string[]): Promise<void> {
  const tsconfig = { compilerOptions: COMPILER_OPTIONS, files: [GLOBALS, ...files] };
  await writeFile(join(HOST, 'tsconfig.json'), JSON.stringify(tsconfig));
}

async function install(imports: Programs['imports'], folders: Programs['folders']): Promise<void> {
  const wanted = versionsOf([...imports].filter((name) => !existsSync(join(ROOT, 'node_modules', name))));
  const manifests = new Map<string, object>([
    ['.', { type: 'module', workspaces: [...folders.keys()], dependencies: wanted }],
    ...[...folders].map(([folder, packages]) => [folder, { type: 'module', dependencies: packages }] as const),
  ]);
  const isInstalled = await write(manifests);
  if (isInstalled && existsSync(join(HOST, 'node_modules'))) return;
  console.log('installing what the pages import ...');
  await command(INSTALL, HOST);
}

/** Whether all of them were there already. */
async function write(manifests: ReadonlyMap<string, object>): Promise<boolean> {
  let isSame = true;
  for (const [folder, manifest] of manifests) {
    const path = join(HOST, folder, 'package.json');
    const text = JSON.stringify({
      name: folder.replaceAll('/', '-').replace('.', 'docs'),
      version: '1.0.0',
      private: true,
      ...manifest,
    });
    if (existsSync(path) && (await readFile(path, 'utf8')) === text) continue;
    isSame = false;
    await mkdir(join(HOST, folder), { recursive: true });
    await writeFile(path, text);
  }
  return isSame;
}

/** Puts the packed package, and the declarations of the viewer, where an install would. */
async function unpack(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'session-logs-docs-'));
  try {
    const tarball = await pack(directory);
    await place('otel-session-logs', (target) => command(['tar', '-xzf', tarball, '--strip-components=1'], target));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const viewer = join(ROOT, 'viewer');
  await command([process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], viewer);
  await place('otel-session-logs-viewer', async (target) => {
    await cp(join(viewer, 'package.json'), join(target, 'package.json'));
    await cp(join(viewer, 'dist', 'types'), join(target, 'dist', 'types'), { recursive: true });
  });
}

async function place(name: string, fill: (target: string) => Promise<unknown>): Promise<void> {
  const target = join(HOST, 'node_modules', name);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await fill(target);
}
