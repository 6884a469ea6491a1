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

/** Not called by its name: webpack would analyse what it requires, which is known only at run time, and warn. */
const createRequire = Reflect.get(nodeModule, 'createRequire');

declare const __webpack_require__: unknown;

/** This file, or the bundle that contains it; `undefined` in a CommonJS bundle. */
const OWN_FILE = ownFile();

function ownFile(): string | undefined {
  // webpack inserts this file's path on the machine that made the bundle.
  if (typeof __webpack_require__ !== 'undefined') return undefined;
  try {
    return fileURLToPath(import.meta.url);
  } catch {
    // Bundlers insert nothing, or the address of something that is not a file.
    return undefined;
  }
}

/** Whether a bundler has taken this package out of its folder, so that it cannot find what is not in the bundle. */
export function isBundled(): boolean {
  return OWN_FILE === undefined || versionOf(OWN_FILE, OWN_NAME) === '';
}

/**
 * Where to look for the application's packages: next to its main module, in the working directory, next to this file.
 * Under pnpm, packages that an application has only through another package are not found from this file; and this file
 * may see another line than the application uses.
 */
function applicationPlaces(): string[] {
  const main = process.argv[1];
  return [
    // A main module that is started through a link (a bin of npm, `npm link`) resolves from its real path, then from
    // the link.
    ...(main === undefined ? [] : [realPathOf(main), main]),
    workingDirectoryFile(),
    OWN_FILE,
  ].filter((place) => place !== undefined);
}

function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // It was removed, or is not a file.
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

/** Finds a package in every place that has it, each file once, in the order of the places. */
export function findPackages(name: string): FoundPackage[] {
  const found = new Map<string, FoundPackage>();
  for (const place of applicationPlaces()) {
    const path = resolveFrom(place, name);
    if (path !== undefined && !found.has(path)) found.set(path, { path, version: versionOf(path, name) });
  }
  return [...found.values()];
}

/** The version of a package that an `import` in this file gets; `undefined` if that is unknown, as in a bundle. */
export function ownVersion(name: string): string | undefined {
  const path = OWN_FILE === undefined || isBundled() ? undefined : resolveFrom(OWN_FILE, name);
  return path === undefined ? undefined : versionOf(path, name);
}

/** The file that `require(name)` in `file` would load; `undefined` if it cannot see the package. */
export function resolveFrom(file: string, name: string): string | undefined {
  try {
    return createRequire(file).resolve(name);
  } catch {
    // It is not installed for that file, or its `exports` do not allow it: either way it cannot be loaded from there.
    return undefined;
  }
}

/**
 * Loads a module by its path, so that no other copy of the package can replace it; synchronously, because what `node
 * --import` starts has to be ready before the application's first line.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a module has is for the caller to say
export function loadFile<Module>(path: string): Module {
  return createRequire(path)(path) as Module;
}

/** The exports of a CommonJS file that is already loaded; `undefined` if it is not. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a module has is for the caller to say
export function loadedFile<Module>(path: string): Module | undefined {
  return createRequire(path).cache[path]?.exports as Module | undefined;
}

/**
 * Reads the version from `package.json` above the module, because the packages' `exports` do not let it be resolved.
 */
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
    // Anything may be above a module; ignore what cannot be read.
    return undefined;
  }
}

/** A loaded CommonJS module. */
export interface LoadedModule {
  readonly path: string;
  readonly exports: unknown;
  readonly module: object;
}

/** All loaded CommonJS modules; `undefined` if the runtime does not show them. No runtime shows ES modules. */
export function loadedModules(): readonly LoadedModule[] | undefined {
  const cache = OWN_FILE === undefined ? undefined : createRequire(OWN_FILE).cache;
  if (cache === undefined) return undefined;
  return Object.entries(cache).flatMap(([path, module]) =>
    module === undefined ? [] : [{ path, exports: module.exports as unknown, module }],
  );
}

/** The copies of a package of which a file is loaded, each with its folder. */
export function loadedCopies(name: string): FoundPackage[] {
  const mark = `/node_modules/${name}/`;
  const folders = new Set<string>();
  for (const { path } of loadedModules() ?? []) {
    const at = path.replaceAll('\\', '/').lastIndexOf(mark);
    if (at !== -1) folders.add(path.slice(0, at + mark.length - 1));
  }
  return [...folders].map((path) => ({ path, version: versionOf(join(path, 'x'), name) }));
}

/**
 * The file that `import` of a package would load, given its CommonJS file, because the loader cannot be asked from
 * elsewhere.
 */
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

/** Loads an ES module by its path. Bundlers leave this alone, because the path is known only at run time. */
export async function importFile<Module>(path: string): Promise<Module> {
  const url = pathToFileURL(path).href;
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as Module;
}
