import { inspect } from 'node:util';
import * as v8 from 'node:v8';

import { findPackages, importFile, loadedFile, esModuleOf, resolveFrom } from './application-modules.ts';
import type { OtelLoggerProvider } from './logs-api.ts';
import { innerProvider, insideOf } from './provider-inside.ts';

const SDK = '@opentelemetry/sdk-logs';
const NODE_SDK = '@opentelemetry/sdk-node';

const OWN = Symbol.for('otel-session-logs.own-providers.v1');
const holder = globalThis as { [OWN]?: Set<WeakRef<object>> };
/** The providers that starts of all copies of this package have made. */
const own = (holder[OWN] ??= new Set());

export function noteOwnProvider(provider: object): void {
  own.add(new WeakRef(provider));
}

/** The living providers of starts. */
export function ownProviders(): OtelLoggerProvider[] {
  const alive: OtelLoggerProvider[] = [];
  for (const reference of own) {
    const provider = reference.deref();
    if (provider === undefined) own.delete(reference);
    else alive.push(provider as OtelLoggerProvider);
  }
  return alive;
}

/** Whether this runtime can list its objects: Node can, Bun and Deno cannot. */
export function tellsObjects(): boolean {
  return 'queryObjects' in v8;
}

/**
 * The other living logger providers of the SDK, besides this one and those of starts. Collects all garbage first, which
 * takes about a second for a heap of a gigabyte. None if the runtime cannot list its objects.
 */
export async function otherProviders(provider: OtelLoggerProvider): Promise<OtelLoggerProvider[]> {
  const inner = innerProvider(provider);
  const classes = new Set([(inner as object).constructor, ...(await providerClasses())]);
  const found = new Set([...classes].flatMap(objectsOf));
  for (const each of [inner, ...ownProviders()]) found.delete(each);
  // The prototype of a derived class is one of its objects too.
  return ([...found] as OtelLoggerProvider[]).filter((each) => insideOf(each) !== undefined);
}

/** The classes that the application's SDK may use: from 3.x on, the CommonJS and the ES module each have one. */
async function providerClasses(): Promise<(new () => object)[]> {
  const paths = new Set(findPackages(SDK).map(({ path }) => path));
  for (const { path } of findPackages(NODE_SDK)) {
    const beside = resolveFrom(path, SDK);
    if (beside !== undefined) paths.add(beside);
  }
  const classes: (new () => object)[] = [];
  for (const path of paths) {
    const module = esModuleOf(path, SDK);
    const copies = [loadedFile<Sdk>(path), module === undefined ? undefined : await importFile<Sdk>(module)];
    for (const copy of copies) if (typeof copy?.LoggerProvider === 'function') classes.push(copy.LoggerProvider);
  }
  return classes;
}

interface Sdk {
  readonly LoggerProvider?: new () => object;
}

/**
 * The objects of a class. Node only counts them, or shows each by `inspect`, which asks the class how; so a custom
 * `inspect` gets each object. Node warns that this may change, which is hidden, because nobody who calls `diagnose()`
 * can do anything about it.
 */
// oxlint-disable-next-line typescript/no-unsafe-function-type -- a class of any constructor
function objectsOf(of: Function): object[] {
  const queryObjects: unknown = Reflect.get(v8, 'queryObjects');
  const prototype: unknown = of.prototype;
  if (typeof queryObjects !== 'function' || typeof prototype !== 'object' || prototype === null) return [];
  const found: object[] = [];
  const note = function (this: object): string {
    found.push(this);
    return '';
  };
  const put = [replace(prototype, inspect.custom, note), replace(process, 'emitWarning', () => {})];
  try {
    queryObjects(of, { format: 'summary' });
  } finally {
    for (const putBack of put) putBack();
  }
  return found;
}

/** @returns A function that restores the original. */
function replace(on: object, key: PropertyKey, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(on, key);
  Object.defineProperty(on, key, { configurable: true, value });
  return () => {
    if (before === undefined) Reflect.deleteProperty(on, key);
    else Object.defineProperty(on, key, before);
  };
}
