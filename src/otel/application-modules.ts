import { existsSync, readFileSync, realpathSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A package as the application sees it. */
export interface FoundPackage {
  /** The file that `require()` of the package would load. */
  readonly path: string;
  readonly version: string;
}

const OWN_NAME = 'otel-session-logs';

/** Not by its name: webpack would look at what is required by it, which is known only when the program runs, and warn. */
const createRequire = Reflect.get(nodeModule, 'createRequire');

declare const __webpack_require__: unknown;

/** This file, or the bundle that it became a part of; `undefined` in one that is CommonJS. */
const OWN_FILE = ownFile();

function ownFile(): string | undefined {
  // webpack puts here where this file was on the machine that made the bundle.
  if (typeof __webpack_require__ !== 'undefined') return undefined;
  try {
    return fileURLToPath(import.meta.url);
  } catch {
    // Bundlers put nothing here, or the address of something that is no file.
    return undefined;
  }
}

/** Whether a bundler has taken this package out of its folder: what it did not take along is not found from here. */
export function isBundled(): boolean {
  return OWN_FILE === undefined || versionOf(OWN_FILE, OWN_NAME) === '';
}

/**
 * Where the packages of the application are looked for: beside its main module, in the working directory, beside this
 * file. What an application has only through another package is not found from here under pnpm, and what this file sees
 * may be of another line than what the application uses.
 */
function applicationPlaces(): string[] {
  const main = process.argv[1];
  return [
    // A main module started through a link (a bin of npm, `npm link`) resolves from where it lies, then from the link.
    ...(main === undefined ? [] : [realPathOf(main), main]),
    workingDirectoryFile(),
    OWN_FILE,
  ].filter((place) => place !== undefined);
}

function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // It was removed, or is no file at all.
    return undefined;
  }
}

function workingDirectoryFile(): string | undefined {
  try {
    return join(process.cwd(), 'noop.js');
  } catch {
    // The directory was removed.
    return undefined;
  }
}

/** The same package of every place that has it, each file once, in the order of the places. */
export function findPackages(name: string): FoundPackage[] {
  const found = new Map<string, FoundPackage>();
  for (const place of applicationPlaces()) {
    const path = resolveFrom(place, name);
    if (path !== undefined && !found.has(path)) found.set(path, { path, version: versionOf(path, name) });
  }
  return [...found.values()];
}

/** The version of a package that an `import` in this file gives; `undefined` when that cannot be told, as in a bundle. */
export function ownVersion(name: string): string | undefined {
  const path = OWN_FILE === undefined || isBundled() ? undefined : resolveFrom(OWN_FILE, name);
  return path === undefined ? undefined : versionOf(path, name);
}

/** What `require(name)` in that file would load; `undefined` when the file cannot see the package. */
export function resolveFrom(file: string, name: string): string | undefined {
  try {
    return createRequire(file).resolve(name);
  } catch {
    // Not installed for that file, or its `exports` do not allow it: both mean that it cannot be had from there.
    return undefined;
  }
}

/**
 * Loads a module by the path of its file, so that no other copy of the package can take its place; at once, since what
 * `node --import` starts has to be there before the first line of the application.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a module has is for the caller to say
export function loadFile<Module>(path: string): Module {
  return createRequire(path)(path) as Module;
}

/** What a CommonJS file exports that somebody has loaded; `undefined` when nobody has. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a module has is for the caller to say
export function loadedFile<Module>(path: string): Module | undefined {
  return createRequire(path).cache[path]?.exports as Module | undefined;
}

/** Read from the file above the module: the packages' `exports` do not let `package.json` be resolved. */
function versionOf(path: string, name: string): string {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = manifestIn(folder);
    if (manifest?.name === name && manifest.version !== undefined) return manifest.version;
  }
  return '';
}

function manifestIn(folder: string): { readonly name?: string; readonly version?: string } | undefined {
  const file = join(folder, 'package.json');
  try {
    return existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string })
      : undefined;
  } catch {
    // Above a module may lie anything; what cannot be read says nothing.
    return undefined;
  }
}

/** A module of CommonJS that somebody has loaded. */
export interface LoadedModule {
  readonly path: string;
  readonly exports: unknown;
  readonly module: object;
}

/** All of them; `undefined` on a runtime that does not show them. ES modules are not shown by any. */
export function loadedModules(): readonly LoadedModule[] | undefined {
  const cache = OWN_FILE === undefined ? undefined : createRequire(OWN_FILE).cache;
  if (cache === undefined) return undefined;
  return Object.entries(cache).flatMap(([path, module]) =>
    module === undefined ? [] : [{ path, exports: module.exports as unknown, module }],
  );
}

/** The copies of a package of which somebody has loaded a file, by the folder of each. */
export function loadedCopies(name: string): FoundPackage[] {
  const mark = `/node_modules/${name}/`;
  const folders = new Set<string>();
  for (const { path } of loadedModules() ?? []) {
    const at = path.replaceAll('\\', '/').lastIndexOf(mark);
    if (at !== -1) folders.add(path.slice(0, at + mark.length - 1));
  }
  return [...folders].map((path) => ({ path, version: versionOf(join(path, 'x'), name) }));
}

/** What `import` of a package would load, whose CommonJS file is given; its loader cannot be asked from elsewhere. */
export function esModuleOf(path: string, name: string): string | undefined {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
      name?: string;
      exports?: { '.'?: { import?: unknown; default?: unknown } };
    };
    if (manifest.name !== name) continue;
    const target = manifest.exports?.['.']?.import ?? manifest.exports?.['.']?.default;
    const entry = typeof target === 'object' && target !== null ? (target as { default?: unknown }).default : target;
    return typeof entry === 'string' ? join(folder, entry) : undefined;
  }
  return undefined;
}

/** Loads an ES module by the path of its file. Bundlers leave it as it is: the path is known when the program runs. */
export async function importFile<Module>(path: string): Promise<Module> {
  const url = pathToFileURL(path).href;
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as Module;
}
