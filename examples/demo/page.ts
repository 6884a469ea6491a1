import type { LogEntry, SessionLogs } from 'otel-session-logs';

/** A user's page: reads what the user may see, loses its connection, and comes back where it was. */
export class Page {
  /** The messages it has, in the order they came. */
  readonly messages: string[] = [];
  /** The text that it shows. */
  text = '';
  #lastId: string | undefined;
  #connection: AbortController | undefined;
  #wake: ((value?: unknown) => void) | undefined;
  #reading: Promise<void> = Promise.resolve();
  readonly #sessions: SessionLogs;
  readonly #sessionId: string;
  readonly #onEntry: () => void;

  constructor(sessions: SessionLogs, sessionId: string, onEntry: () => void) {
    this.#sessions = sessions;
    this.#sessionId = sessionId;
    this.#onEntry = onEntry;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Reads from the start, or after the last entry that it has. Resolves when the session ends, or the connection. */
  connect(): void {
    const { signal } = (this.#connection = new AbortController());
    const from = this.#lastId === undefined ? 'start' : { after: this.#lastId };
    this.#reading = this.#read(
      this.#sessions.followSession(this.#sessionId, { from, logType: 'chat', signal }),
      signal,
    );
  }

  async cut(): Promise<void> {
    this.#connection?.abort();
    this.#connection = undefined;
    await this.#reading;
  }

  /** Resolves when it has so many messages. */
  async has(count: number): Promise<void> {
    while (this.messages.length < count) await new Promise((resolve) => (this.#wake = resolve));
  }

  /** Resolves when it has read the session to its end. */
  end(): Promise<void> {
    return this.#reading;
  }

  async #read(entries: AsyncIterable<LogEntry>, signal: AbortSignal): Promise<void> {
    try {
      for await (const { id, kind, message } of entries) {
        this.#lastId = id;
        this.messages.push(message);
        if (kind === 'text') this.text += message;
        this.#onEntry();
        this.#wake?.();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
