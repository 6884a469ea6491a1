import { createParser } from 'eventsource-parser';

/** What became of the connection. */
export type Connection = 'connecting' | 'open' | 'lost';

export interface EventStreamHandlers {
  event(name: string, data: unknown): void;
  connection(state: Connection): void;
}

const RETRY_MILLIS = 1_000;

/**
 * Follows a stream of the server, and goes on after the last event when the connection is lost. `EventSource` could not be asked to
 * go on with another address.
 */
export class EventStream {
  readonly #handlers: EventStreamHandlers;
  #ending = new AbortController();
  #lastId = '';

  constructor(handlers: EventStreamHandlers) {
    this.#handlers = handlers;
  }

  /** Follows this address from now on. @param isResumed Whether what was seen need not come again. */
  open(address: (lastId: string) => string, isResumed: boolean): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    if (!isResumed) this.#lastId = '';
    void this.#run(address, this.#ending.signal);
  }

  async #run(address: (lastId: string) => string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#handlers.connection('connecting');
      try {
        await this.#read(address(this.#lastId), signal);
      } catch {
        // The server is gone, or the address was changed: the loop says which.
      }
      if (signal.aborted) return;
      this.#handlers.connection('lost');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS));
    }
  }

  async #read(address: string, signal: AbortSignal): Promise<void> {
    const response = await fetch(address, { signal, headers: { accept: 'text/event-stream' } });
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    this.#handlers.connection('open');
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (signal.aborted) return;
        this.#handlers.event(event ?? '', JSON.parse(data));
        if (id !== undefined && id !== '') this.#lastId = id;
      },
    });
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
  }
}
