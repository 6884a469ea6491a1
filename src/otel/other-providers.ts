import * as v8 from 'node:v8';

import { findPackages, importFile, loadedFile, esModuleOf, resolveFrom } from './application-modules.ts';
import type { OtelLoggerProvider } from './logs-api.ts';

const SDK = '@opentelemetry/sdk-logs';
const NODE_SDK = '@opentelemetry/sdk-node';

const OWN = Symbol.for('otel-session-logs.own-providers.v1');
const holder = globalThis as { [OWN]?: Set<WeakRef<object>> };
/** The providers that starts have made, of all copies of this package. */
const own = (holder[OWN] ??= new Set());

export function noteOwnProvider(provider: object): void {
  own.add(new WeakRef(provider));
}

/**
 * How many logger providers of the SDK are alive beside those of starts. Collects all garbage first, which a heap of a
 * gigabyte takes a second for.
 */
export async function countOtherProviders(provider: OtelLoggerProvider): Promise<number> {
  const classes = new Set([(provider as object).constructor, ...(await providerClasses())]);
  let count = 0;
  for (const each of classes) count += countObjects(each);
  for (const reference of own) {
    if (reference.deref() === undefined) own.delete(reference);
    else count -= 1;
  }
  return Math.max(0, count);
}

/** The copies that the application's SDK may use: from 3.x on a CommonJS and an ES module have a class each. */
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

/** Node warns that this may change: nobody who calls `diagnose()` can do anything about that. */
// oxlint-disable-next-line typescript/no-unsafe-function-type -- a class of any constructor
function countObjects(of: Function): number {
  const queryObjects: unknown = Reflect.get(v8, 'queryObjects');
  if (typeof queryObjects !== 'function') return 0;
  const before = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  Object.defineProperty(process, 'emitWarning', { configurable: true, value: () => {} });
  try {
    return Number(queryObjects(of));
  } finally {
    if (before !== undefined) Object.defineProperty(process, 'emitWarning', before);
  }
}
