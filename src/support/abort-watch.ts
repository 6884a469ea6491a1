import { sharedWatch } from './shared-watch.ts';
import type { WatchTarget } from './shared-watch.ts';

/** Calls back when the signal aborts, until the function that it returns is called. */
export const watchAbort: WatchTarget<AbortSignal> = sharedWatch((signal, onAbort) => {
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
});
