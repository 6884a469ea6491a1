import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { environmentValue } from '../otel/environment.ts';
import { expandHome } from '../support/home-path.ts';
import type { StartPlan } from './start-options.ts';

/** What makes two starts the same. */
export interface StartIdentity {
  /** Plain values by option, including the directories. Of functions and class instances only their presence counts. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The class instances that were given, by the path of their option. */
  readonly objects: ReadonlyMap<string, object>;
  /** Whether it writes into a directory that no second instance of this process may use. */
  readonly holdsDirectory: boolean;
}

export function identityOf(plan: StartPlan): StartIdentity {
  const objects = new Map<string, object>();
  const { spool } = plan;
  const located = {
    ...plan,
    directory: placeOf(plan.directory ?? environmentValue('LOGS_PATH') ?? 'logs'),
    ...(spool === undefined ? {} : { spool: { ...spool, directory: placeOf(spool.directory) } }),
  };
  return {
    values: new PlainValues(objects).of(located, '', 0) as Record<string, unknown>,
    objects,
    holdsDirectory: plan.file !== false || spool !== undefined,
  };
}

/**
 * Whether two starts mean the same instance. Functions, exporters, stores and the like are not compared: a module that
 * is loaded again, as development servers do, makes new ones each time. If no directory is held, two instances do not
 * disturb each other, and another exporter means another instance.
 */
export function isSameStart(one: StartIdentity, other: StartIdentity): boolean {
  if (differingOptions(one, other).length > 0) return false;
  if (one.holdsDirectory) return true;
  return [...one.objects].every(([path, object]) => other.objects.get(path) === object);
}

/** The names of the options whose plain values differ. */
export function differingOptions({ values: one }: StartIdentity, { values: other }: StartIdentity): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]));
}

/** Whether two starts would write into one directory. */
export function sharesDirectory({ values: one }: StartIdentity, { values: other }: StartIdentity): boolean {
  return (
    one['directory'] === other['directory'] ||
    (hasSpool(one) && hasSpool(other) && one.spool.directory === other.spool.directory)
  );
}

function hasSpool(values: object): values is { readonly spool: { readonly directory?: unknown } } {
  return 'spool' in values && typeof values.spool === 'object' && values.spool !== null;
}

/** How deep plain values are compared. */
const MAX_DEPTH = 100;

/** Options as plain values. A value that stands in several places, or within itself, is visited once. */
class PlainValues {
  readonly #objects: Map<string, object>;
  /** Where each value was first seen. What remains is a tree, which can be compared in linear time. */
  readonly #seen = new Map<object, string>();

  /** @param objects Gets the objects that are not compared by value, by their paths. */
  constructor(objects: Map<string, object>) {
    this.#objects = objects;
  }

  of(value: unknown, path: string, depth: number): unknown {
    if (typeof value === 'function') return GIVEN;
    if (typeof value !== 'object' || value === null) return value;
    const seen = this.#seen.get(value);
    if (seen !== undefined) return [GIVEN, seen];
    if (!(Array.isArray(value) || isPlain(value)) || isComponent(value) || depth > MAX_DEPTH) {
      this.#objects.set(path, value);
      return GIVEN;
    }
    this.#seen.set(value, path);
    const entries: [string, unknown][] = Array.isArray(value) ? [['length', value.length]] : [];
    for (const [key, member] of Object.entries(value)) {
      if (member !== undefined) entries.push([key, this.of(member, `${path}.${key}`, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }
}

const GIVEN = Symbol.for('otel-session-logs.given.v1');

/** A module namespace has no prototype either, but is not a plain value. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !(Symbol.toStringTag in value);
}

/** An exporter, a store or the like, written as an object literal: its state is not an option. */
function isComponent(value: object): boolean {
  return METHODS.some((method) => typeof Reflect.get(value, method) === 'function');
}

/** A telling method each of an exporter, a processor, a store, a meter provider and the SDK. */
const METHODS = ['export', 'onEmit', 'append', 'getMeter', 'LoggerProvider'];

/** The one name of a path: absolute, with symbolic links resolved as far as it exists. */
function placeOf(directory: string): string {
  // The code that opens it checks the type.
  if (typeof directory !== 'string') return directory;
  try {
    return realPathOf(resolve(expandHome(directory)));
  } catch {
    // The working directory was removed.
    return directory;
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The start will make it.
    return dirname(path) === path ? path : join(realPathOf(dirname(path)), basename(path));
  }
}
