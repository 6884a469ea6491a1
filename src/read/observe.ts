import { reporterFor } from '../support/reporter.ts';

const reporter = reporterFor('reader');

/** Who observes: that of rxjs, or of another library of observables. */
export interface Observer<T> {
  next?(value: T): void;
  error?(error: unknown): void;
  complete?(): void;
}

/** What is observed, as rxjs takes it from other libraries. */
export interface Observed<T> {
  subscribe(observer: Observer<T>): { unsubscribe(): void };
}

/**
 * An iterator as what is observed. It is read by the first who subscribes, and freed at once when that one unsubscribes,
 * also while it waits.
 *
 * rxjs' own way, `from` of an async iterable, asks whether it is still wanted after each value only: a subscription to a
 * session that is silent would never end.
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
      // Not of the reader: `error` of the observer threw.
      pump().catch((error: unknown) => reporter.limited('observer', 'who observes a reader threw', error));
      const unsubscribe = (): void => {
        isClosed = true;
        void iterator.return?.();
      };
      return { unsubscribe };
    },
  };
}
