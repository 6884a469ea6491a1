import { EventSource } from 'eventsource';

/** What all of them have that tests use. */
export interface AnyEventSource {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  close(): void;
}

export type EventSourceClass = (new (url: string) => AnyEventSource) & { readonly CLOSED: number };

/** Node has it with `--experimental-eventsource`, which `vitest.config.ts` gives. */
const own = (globalThis as { readonly EventSource?: EventSourceClass }).EventSource;

/** Independent implementations of what a browser does. */
export const EVENT_SOURCES: readonly (readonly [string, EventSourceClass])[] = [
  ['the eventsource package', EventSource],
  ...(own === undefined ? [] : ([['Node', own]] as const)),
];
