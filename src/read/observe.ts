import { reporterFor } from '../support/reporter.ts';

const reporter = reporterFor('reader');

/** An observer of rxjs or another library of observables. */
export interface Observer<T> {
  next?(value: T): void;
  error?(error: unknown): void;
  complete?(): void;
}

/** An observable, in the form in which rxjs takes it from other libraries. */
export interface Observed<T> {
  subscribe(observer: Observer<T>): { unsubscribe(): void };
}

/**
 * Wraps an iterator as an observable. The first subscriber reads it; when that one unsubscribes, the iterator is freed
 * at once, even while it waits.
 *
 * The `from` of rxjs checks only after each value of an async iterable whether it is still subscribed: a subscription
 * to a silent session would never end.
 */
export function observed<T>(iterator: AsyncIterableIterator<T, undefined>): Observed<T> {
  return {
    subscribe(observer) {
      let isClosed = false;
      const pump = async (): Promise<void> => {
        try {
          for await (const value of iterator) {
            if (isClosed) return;
            observer.next?.(value);
          }
          if (!isClosed) observer.complete?.();
        } catch (error) {
          if (!isClosed) observer.error?.(error);
        }
      };
      // Not an error of the reader: the observer's `error` threw.
      pump().catch((error: unknown) => reporter.limited('observer', 'an observer of a reader threw', error));
      const unsubscribe = (): void => {
        isClosed = true;
        void iterator.return?.();
      };
      return { unsubscribe };
    },
  };
}
