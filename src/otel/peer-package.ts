import { messageOf } from '../support/errors.ts';
import { findPackages, isBundled, loadFile, ownVersion } from './application-modules.ts';
import type { FoundPackage } from './application-modules.ts';
import { lineOf } from './sdk-line.ts';
import type { OtelLine } from './sdk-line.ts';

/** The result of a literal `import()` of a package. */
export type Imported<Module> = { readonly module: Module } | { readonly error: unknown };

/** Why a package cannot be loaded. */
export interface MissingPeer {
  /** The end of a sentence that begins with the name of the package. */
  readonly reason: string;
  readonly remedy: 'install' | 'bundle' | 'banner';
  readonly cause?: unknown;
}

/**
 * A banner that gives a bundle of ES modules a `require`, under another name of `createRequire`, which the bundle
 * imports too.
 */
const BANNER =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/**
 * What to do about a missing package. @param install The command that installs it. @param handedIn How to pass it as an
 * option.
 */
export function remedyFor({ remedy }: MissingPeer, install: string, handedIn: string): string {
  if (remedy === 'banner') return `give the bundle a \`require\`, by this banner: ${BANNER}`;
  return `${install}${remedy === 'bundle' ? ' where the bundle is made' : ''}, or pass ${handedIn}`;
}

/** A package of the application, or why it is missing. */
export type Peer<Module> = { readonly module: Module } | MissingPeer;

/**
 * Chooses where to take a package of the application from.
 *
 * The literal `import()` comes first: bundlers and file tracing see it and include the package. Outside a bundle it may
 * find another line than the application's own, or none: in a workspace, this package may be in the root while the
 * application has its own packages. Then the application's path decides.
 *
 * @param imported The result of the literal `import('name')`, which has to be in a `try` of its own, so that bundlers
 * go on if the package is missing.
 * @param line The wanted line. @default the application's line
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

/** The same without an `import()`, synchronously: for what `node --import` starts, which is never bundled. */
export function requirePeer<Module>(name: string, line?: OtelLine): Peer<Module> {
  const found = findPackages(name);
  const fitting = firstFitting(found, line);
  return fitting === undefined ? missing(name, found, line) : loaded(fitting);
}

/** The exports of a module: a bundler or Node may put those of CommonJS under `default`. */
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
    return { reason: `${named(version)} could not be loaded: ${messageOf(cause)}`, remedy: 'install', cause };
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
    return { reason: `${named(other.version)} ${reason}`, remedy: 'install' };
  }
  if (error !== undefined && !isNotFound(error, name)) {
    const message = messageOf(error);
    // The error of esbuild's replacement for `require` in a bundle of ES modules.
    const remedy = message.startsWith('Dynamic require of') ? 'banner' : 'install';
    return { reason: `could not be loaded: ${message}`, remedy, cause: error };
  }
  return isBundled()
    ? { reason: 'is neither in the bundle of this program nor installed where it runs', remedy: 'bundle' }
    : { reason: 'is not installed', remedy: 'install' };
}

/** The version in a message; a package of a workspace may have none. */
function named(version: string): string {
  return version === '' ? 'of an unknown version' : version;
}

/**
 * Node and bundlers have different messages, but all quote the name; one for a missing dependency quotes another name.
 */
function isNotFound(error: unknown, name: string): boolean {
  const [problem = ''] = messageOf(error).split(' imported from ');
  return problem.includes(`'${name}'`) || problem.includes(`"${name}"`);
}
