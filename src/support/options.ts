import * as z from 'zod';

import { describeValue } from './errors.ts';
import { aboutOption, unknownOptions } from './option-names.ts';

/** Makes a value on first use: a schema takes a millisecond or two to make, which no import should. */
export function lazily<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/**
 * Validates an options object and returns a parsed copy.
 *
 * An option that is `undefined` counts as not given. Unknown keys are refused, so that a misspelt option is noticed;
 * the error says where it belongs or which one may be meant.
 *
 * @throws TypeError for the first wrong option, with the owner, the option and the value received.
 */
export function parseOptions<Schema extends z.ZodType>(
  owner: string,
  schema: () => Schema,
  options: unknown,
): z.output<Schema> {
  const parser = schema();
  const result = parser.safeParse(options);
  if (result.success) return result.data;
  const { issues } = result.error;
  // A misspelt required option is also missing: report its misspelt name first.
  const issue = nearest(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]);
  if (issue === undefined) throw new TypeError(`${owner}: invalid options`);
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    throw unknownOptions(owner, issue.keys, optionsAt(parser, path), path.map((part) => `${part}.`).join(''));
  }
  const received = describeValue(valueAt(options, issue.path));
  if (path.length === 0) throw new TypeError(`${owner}: expected an options object, got ${received}`);
  const message = `${owner}: expected \`${path.join('.')}\` to be ${expectation(issue)}, got ${received}`;
  throw new TypeError(aboutOption(message, path));
}

/** The names of a schema's options, or of those of an object within it. */
function optionsAt(schema: z.core.$ZodType, path: readonly string[]): string[] {
  let at: z.core.$ZodType | undefined = schema;
  for (const key of [...path, undefined]) {
    // Unwraps what makes an object optional or gives it a default.
    while (at !== undefined && 'innerType' in at._zod.def) at = at._zod.def.innerType as z.core.$ZodType;
    const shape: z.core.$ZodShape | undefined =
      at !== undefined && 'shape' in at._zod.def ? (at._zod.def.shape as z.core.$ZodShape) : undefined;
    if (key === undefined) return Object.keys(shape ?? {});
    at = at !== undefined && 'element' in at._zod.def ? (at._zod.def.element as z.core.$ZodType) : shape?.[key];
  }
  return [];
}

/**
 * For a union, picks the alternative in which only a member is wrong, if there is one, so that the error names that
 * member and its value.
 */
function nearest(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const alternative = issue.errors.find((issues) => issues.every(({ path }) => path.length > 0))?.[0];
  return alternative === undefined ? issue : { ...alternative, path: [...issue.path, ...alternative.path] };
}

function expectation(issue: z.core.$ZodIssue): string {
  return issue.message.replace(/^Invalid input: expected /, '').replace(/, received .*$/, '');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** Lists allowed texts for messages: `'chat' or 'log'`. */
export function oneOf(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  return [quoted.slice(0, -1).join(', '), quoted.at(-1)].join(' or ');
}

/** A whole number of at least 1: a limit of entries, records or sessions. */
export function positiveInteger(): z.ZodNumber {
  return z.number('a positive integer').int('a positive integer').min(1, 'a positive integer');
}

/** A whole number of 0 or more. */
export function wholeNumber(): z.ZodNumber {
  const what = 'a whole number, 0 or more';
  return z.number(what).int(what).min(0, what);
}

/** A time in milliseconds that fits into an integer. */
export function millis(): z.ZodNumber {
  const what = 'a number of milliseconds, 0 to 2^53 - 1';
  return z.number(what).min(0, what).max(Number.MAX_SAFE_INTEGER, what);
}

/** A time in milliseconds that may be `Infinity`, for a time-out or expiry that should never happen. */
export function millisOrNever(): z.ZodCustom<number> {
  return z.custom<number>(
    (value) => typeof value === 'number' && value >= 0,
    'a number of milliseconds, 0 or more, or Infinity for never',
  );
}

const endingSchema = lazily(() => z.strictObject({ timeoutMillis: millisOrNever().optional() }));

/**
 * The `timeoutMillis` of a `forceFlush`, `flushSession` or `shutdown`; `undefined` if not given.
 *
 * @throws TypeError if it is not a time.
 */
export function timeoutOption(method: string, options: unknown): number | undefined {
  return parseOptions(method, endingSchema, options).timeoutMillis;
}

/** A function of any signature; the caller gives the type. */
export function functionOption<T extends (...args: never[]) => unknown>(what = 'a function'): z.ZodCustom<T> {
  return z.custom<T>((value) => typeof value === 'function', what);
}

/** An `AbortSignal` of any realm or library. Checks its members, because `instanceof` knows only one class. */
export function abortSignalOption(): z.ZodCustom<AbortSignal> {
  return z.custom<AbortSignal>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      typeof (value as AbortSignal).aborted === 'boolean' &&
      typeof (value as AbortSignal).addEventListener === 'function' &&
      typeof (value as AbortSignal).removeEventListener === 'function',
    'an AbortSignal',
  );
}

/** An object with the named methods: an exporter, a provider, a store, a client. */
export function objectWith<T>(what: string, ...methods: string[]): z.ZodCustom<T> {
  return z.custom<T>(
    (value) =>
      value !== null &&
      typeof value === 'object' &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
    `${what} (an object with ${methods.map((method) => `\`${method}()\``).join(', ')})`,
  );
}
