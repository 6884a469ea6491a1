import { messageOf } from '../support/errors.ts';
import { findPackages, isBundled, loadFile, ownVersion } from './application-modules.ts';
import type { FoundPackage } from './application-modules.ts';
import { lineOf } from './sdk-line.ts';
import type { OtelLine } from './sdk-line.ts';

/** What a literal `import()` of a package came to. */
export type Imported<Module> = { readonly module: Module } | { readonly error: unknown };

/** Why a package cannot be had. */
export interface MissingPeer {
  /** The end of a sentence that begins with the name of the package. */
  readonly reason: string;
  readonly remedy: 'install' | 'bundle' | 'banner';
  readonly cause?: unknown;
}

/** What gives a bundle of ES modules a `require`. The bundle holds imports of `createRequire` by that name, of this package and of others. */
const BANNER =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** What to do about a missing package. @param install The command that installs it. @param handedIn How it is given. */
export function remedyFor({ remedy }: MissingPeer, install: string, handedIn: string): string {
  if (remedy === 'banner') return `give the bundle a \`require\`, by this banner: ${BANNER}`;
  return `${install}${remedy === 'bundle' ? ' where the bundle is made' : ''}, or pass ${handedIn}`;
}

/** A package that the application brings. */
export type Peer<Module> = { readonly module: Module } | MissingPeer;

/**
 * Chooses where a package of the application is taken from.
 *
 * The literal `import()` comes first: bundlers and file tracing see it, and put the package where it is found. Outside of a
 * bundle it may be of another line than the application's own, or of none: in a workspace this package lies in the root,
 * and the application has its own packages beside it. Then the path of the application's decides.
 *
 * @param imported What the literal import gave; it has to stand, as `import('name')`, in a `try` of its own: bundlers then
 * go on where the package is missing.
 * @param line The line that is wanted; the one that the application has when not given.
 */
export function choosePeer<Module>(name: string, imported: Imported<Module>, line?: OtelLine): Peer<Module> {
  const found = findPackages(name);
  const fitting = firstFitting(found, line);
  if ('module' in imported) {
    const version = ownVersion(name);
    if (version === undefined || isOfLine(version, line ?? lineOf(fitting?.version ?? version))) return imported;
  }
  if (fitting !== undefined) return loaded(fitting);
  return missing(name, found, line, 'error' in imported ? imported.error : undefined);
}

/** The same without an `import()`, at once: for what `node --import` starts, which no bundler takes. */
export function requirePeer<Module>(name: string, line?: OtelLine): Peer<Module> {
  const found = findPackages(name);
  const fitting = firstFitting(found, line);
  return fitting === undefined ? missing(name, found, line) : loaded(fitting);
}

/** What a module exports: a bundler, or Node, may have put the exports of CommonJS under `default`. */
export function exportsOf<Module extends object>(module: Module, name: keyof Module): Module {
  const { default: inner } = module as { readonly default?: Module };
  return name in module || inner === undefined ? module : inner;
}

function firstFitting(found: readonly FoundPackage[], line: OtelLine | undefined): FoundPackage | undefined {
  return found.find(({ version }) => isOfLine(version, line ?? lineOf(version)));
}

function isOfLine(version: string, line: OtelLine | undefined): boolean {
  return line !== undefined && lineOf(version) === line;
}

function loaded<Module>({ path, version }: FoundPackage): Peer<Module> {
  try {
    return { module: loadFile<Module>(path) };
  } catch (cause) {
    return { reason: `${version} could not be loaded: ${messageOf(cause)}`, remedy: 'install', cause };
  }
}

function missing(
  name: string,
  [other]: readonly FoundPackage[],
  line: OtelLine | undefined,
  error?: unknown,
): MissingPeer {
  if (other !== undefined) {
    const reason = line === undefined ? 'is not supported' : `does not fit ${line} of @opentelemetry/sdk-logs`;
    return { reason: `${other.version} ${reason}`, remedy: 'install' };
  }
  if (error !== undefined && !isNotFound(error, name)) {
    const message = messageOf(error);
    // What esbuild puts in the place of a `require` that a bundle of ES modules does not have.
    const remedy = message.startsWith('Dynamic require of') ? 'banner' : 'install';
    return { reason: `could not be loaded: ${message}`, remedy, cause: error };
  }
  return isBundled()
    ? { reason: 'is not in the bundle of this program, nor installed where it runs', remedy: 'bundle' }
    : { reason: 'is not installed', remedy: 'install' };
}

/** Node and the bundlers say so in words of their own, but all quote the name; a package that it misses has another one. */
function isNotFound(error: unknown, name: string): boolean {
  const [problem = ''] = messageOf(error).split(' imported from ');
  return problem.includes(`'${name}'`) || problem.includes(`"${name}"`);
}
