import { EventSource } from 'eventsource';

/** What both have that tests use. */
export interface AnyEventSource {
  readonly readyState: number;
  addEventListener(
    type: string,
    listener: (event: { readonly data?: unknown; readonly lastEventId?: string }) => void,
  ): void;
  close(): void;
}

export type EventSourceClass = (new (url: string) => AnyEventSource) & { readonly CLOSED: number };

const own = (globalThis as { readonly EventSource?: EventSourceClass }).EventSource;

/** Independent implementations of what a browser does. Node has one of its own with `--experimental-eventsource`. */
export const EVENT_SOURCES: readonly (readonly [string, EventSourceClass | undefined])[] = [
  ['the eventsource package', EventSource as unknown as EventSourceClass],
  [`Node ${process.version}${own === undefined ? ' (skipped: it has none here)' : ''}`, own],
];
