import { createParser } from 'eventsource-parser';

/** The state of the connection. `refused`: the server answered with an error, which gives the reason. */
export type Connection =
  | { readonly kind: 'connecting' | 'open' | 'lost' }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

export interface EventStreamHandlers {
  /** The address to request now. After a lost connection, it resumes where that one ended. */
  address(): string;
  /** @param id Only the last of the events that belong together has it. */
  event(name: string, data: unknown, id: string | undefined): void;
  connection(state: Connection): void;
}

const RETRY_MILLIS = 1_000;
/** Least time between two streams, for people who hold a key down to go through the list. */
const OPEN_MILLIS = 60;
/** The server sends something every second. After this many seconds of silence it is gone, even if no connection has ended. */
const SILENT_SECONDS = 5;

class RefusedError extends Error {
  readonly connection: Connection;

  constructor(status: number, reason: string) {
    super(reason);
    this.connection = { kind: 'refused', status, reason };
  }
}

/**
 * Follows a stream of the server, and opens it again when the connection is lost. `EventSource` could not resume at another
 * address.
 */
export class EventStream {
  readonly #handlers: EventStreamHandlers;
  #ending = new AbortController();
  #openedAt = Number.NEGATIVE_INFINITY;
  #isHeld = false;

  constructor(handlers: EventStreamHandlers) {
    this.#handlers = handlers;
  }

  /** Asks for the address again, and follows that stream from now on. */
  open(): void {
    this.#ending.abort();
    if (this.#isHeld) return;
    this.#ending = new AbortController();
    void this.#run(this.#ending.signal);
  }

  /** Closes the connection, and opens none until `letGo`. */
  hold(): void {
    this.#isHeld = true;
    this.#ending.abort();
  }

  /** Follows again, from where the stream ended. */
  letGo(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.open();
  }

  async #run(signal: AbortSignal): Promise<void> {
    let lost: Connection = { kind: 'lost' };
    await passed(this.#openedAt + OPEN_MILLIS - performance.now());
    if (signal.aborted) return;
    this.#openedAt = performance.now();
    while (!signal.aborted) {
      try {
        await this.#read(signal);
        lost = { kind: 'lost' };
      } catch (error) {
        lost = error instanceof RefusedError ? error.connection : { kind: 'lost' };
      }
      if (signal.aborted) return;
      this.#handlers.connection(lost);
      await passed(RETRY_MILLIS);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const reading = new AbortController();
    const end = (): void => reading.abort();
    signal.addEventListener('abort', end);
    // Counts seconds and compares no times: a page that was busy, or a machine that slept, has not waited for the server.
    let silent = 0;
    const watch = setInterval(() => (silent += 1) > SILENT_SECONDS && end(), 1_000);
    try {
      await this.#take(reading.signal, () => (silent = 0));
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', end);
    }
  }

  async #take(signal: AbortSignal, heard: () => void): Promise<void> {
    const response = await fetch(this.#handlers.address(), { signal, headers: { accept: 'text/event-stream' } });
    if (!response.ok) throw new RefusedError(response.status, (await response.text()).slice(0, 500));
    if (response.body === null) throw new Error('the answer has no body');
    this.#handlers.connection({ kind: 'open' });
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (!signal.aborted) this.#handlers.event(event ?? '', JSON.parse(data), id === '' ? undefined : id);
      },
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      heard();
      parser.feed(step.value);
    }
  }
}

function passed(millis: number): Promise<void> | undefined {
  return millis <= 0 ? undefined : new Promise((resolve) => setTimeout(resolve, millis));
}
