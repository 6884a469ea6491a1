import { types } from 'node:util';

/** Runs a function with the session set. */
export type RunInSession = <T>(fn: () => T) => T;

type Method = (...args: unknown[]) => unknown;

/**
 * Wraps the result of a function under `withSession` so that its session is set on every later step too: the body of an
 * async generator runs in the context that calls `next()`, long after the function returned.
 *
 * Async iterables and iterators, and those that a plain promise resolves to, are returned as a view of the same object
 * in which only the steps differ. Anything else is returned unchanged, even a web stream: a view of it would no longer
 * count as a stream (`new Response(view)`), and the stream decides when to call its source.
 */
export function keepSession<T>(result: T, run: RunInSession): T {
  if (isPlainPromise(result)) return result.then((value) => keepIteration(value, run)) as T;
  return keepIteration(result, run);
}

/**
 * Whether it is a plain promise: a promise derived from one with its own methods (the OpenAI client's) would lose them.
 */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  if (!types.isPromise(value)) return false;
  // Of any realm: its only prototypes are those of promises and of objects.
  const base: unknown = Object.getPrototypeOf(Object.getPrototypeOf(value));
  return base !== null && Object.getPrototypeOf(base) === null;
}

function keepIteration<T>(value: T, run: RunInSession): T {
  if (value === null || typeof value !== 'object' || 'getReader' in value) return value;
  if (typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] !== 'function') return value;
  return iterationView(value, run);
}

const STEPS: ReadonlySet<PropertyKey> = new Set(['next', 'return', 'throw']);

/**
 * Calls methods on the object itself, because a proxy has none of its private fields. The proxy's target is an empty
 * heir, because a proxy must not return other functions for the properties of a frozen target.
 */
function iterationView<T extends object>(source: T, run: RunInSession): T {
  return new Proxy(Object.create(source) as T, {
    get(_heir, key): unknown {
      const value: unknown = Reflect.get(source, key, source);
      if (typeof value !== 'function') return value;
      const method = value as Method;
      if (key === Symbol.asyncIterator) {
        return (): unknown => {
          const iterator = run(() => method.call(source)) as object;
          return iterator === source ? iterationView(source, run) : iterationView(iterator, run);
        };
      }
      if (STEPS.has(key) || key === Symbol.asyncDispose) {
        return (...args: unknown[]): unknown => run(() => method.apply(source, args));
      }
      return key === 'constructor' ? value : method.bind(source);
    },
    set: (_heir, key, value): boolean => Reflect.set(source, key, value, source),
    has: (_heir, key): boolean => Reflect.has(source, key),
  });
}
