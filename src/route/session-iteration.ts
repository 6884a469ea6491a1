import { types } from 'node:util';

/** Runs a function with the session set. */
export type RunInSession = <T>(fn: () => T) => T;

type Method = (...args: unknown[]) => unknown;

/**
 * What a function under `withSession` returned, such that its session is set on every later step too: the body of an
 * async generator runs in whatever context calls `next()`, which is long after the function returned.
 *
 * Async iterables and iterators are passed on as a view of the same object, of which only the steps differ; so is what
 * a plain promise resolves to. Anything else is returned as it is. A web stream is, too: a view of it would not pass
 * for a stream any more (`new Response(view)`), and its source is called when the stream decides.
 */
export function keepSession<T>(result: T, run: RunInSession): T {
  if (isPlainPromise(result)) return result.then((value) => keepIteration(value, run)) as T;
  return keepIteration(result, run);
}

/** Of a promise with methods of its own (the OpenAI client's), a derived one would lose them. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  if (!types.isPromise(value)) return false;
  // Of whatever realm: between it and nothing stand the prototypes of promises and of objects.
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
 * Methods are called on the object itself, since a proxy has none of its private fields. The proxy's target is an empty
 * heir, since a frozen object must not be answered for with other functions.
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
