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
 * takes seconds for a heap of a gigabyte. None if the runtime cannot list its objects.
 */
export async function otherProviders(provider: OtelLoggerProvider): Promise<OtelLoggerProvider[]> {
  const inner = innerProvider(provider);
  const classes = new Set([(inner as object).constructor, ...(await providerClasses())]);
  const found = new Set(objectsOf(classes));
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

/** A class of any constructor. */
interface AnyClass {
  readonly prototype: unknown;
}

/**
 * The objects of some classes. Node only counts them, or shows each by `inspect`, which asks the class how; so a custom
 * `inspect` gets each object. Node warns that this may change, which is hidden, because nobody who calls `diagnose()`
 * can do anything about it.
 *
 * Node collects all garbage for each class that it is asked for, several times over. So for a moment these classes have
 * a base class, which is asked for instead. Those whose prototype cannot be changed are left out.
 */
function objectsOf(classes: Iterable<AnyClass>): object[] {
  const queryObjects: unknown = Reflect.get(v8, 'queryObjects');
  if (typeof queryObjects !== 'function') return [];
  // The provider may be a plain object, which has no class of its own.
  const prototypes = [...classes].map(({ prototype }) => prototype).filter(isDerived);
  const found: object[] = [];
  const note = function (this: object): string {
    found.push(this);
    return '';
  };
  const Base = function (): void {};
  const put = [replace(process, 'emitWarning', () => {})];
  try {
    for (const prototype of new Set([Base.prototype as object, ...prototypes]))
      put.push(replace(prototype, inspect.custom, note));
    for (const root of new Set(prototypes.map(rootOf))) {
      const before = Object.getPrototypeOf(root) as object | null;
      if (Reflect.setPrototypeOf(root, Base.prototype)) put.push(() => void Reflect.setPrototypeOf(root, before));
    }
    queryObjects(Base, { format: 'summary' });
  } finally {
    for (const putBack of put) putBack();
  }
  // A class may extend another one, which has further objects.
  return found.filter((each) => prototypes.some((prototype) => Object.prototype.isPrototypeOf.call(prototype, each)));
}

/** The last prototype before that of all objects. */
function rootOf(prototype: object): object {
  const parent: unknown = Object.getPrototypeOf(prototype);
  return isDerived(parent) ? rootOf(parent) : prototype;
}

/** Whether it is an object other than the prototype of all objects. */
function isDerived(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== null;
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
