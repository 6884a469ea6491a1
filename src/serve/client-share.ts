import { ownText } from '../support/own-text.ts';

/** Counts the streams that each client holds. */
export class ClientShares {
  readonly #held = new Map<string, number>();

  /** Returns a client's share for one more stream, which has no place in it yet. */
  of(client: string, max: number, isEventStream: boolean): ClientShare {
    return new ClientShare(this.#held, ownText(client), max, isEventStream);
  }
}

/** One stream's place in its client's share. */
export class ClientShare {
  /** Whether the client reconnects by itself when its stream ends. */
  readonly isEventStream: boolean;
  readonly #held: Map<string, number>;
  readonly #client: string;
  readonly #max: number;
  #isIn = false;

  constructor(held: Map<string, number>, client: string, max: number, isEventStream: boolean) {
    this.#held = held;
    this.#client = client;
    this.#max = max;
    this.isEventStream = isEventStream;
  }

  /** Takes the place; `false` if the share is used up. Idempotent. */
  enter(): boolean {
    if (this.#isIn) return true;
    const held = this.#held.get(this.#client) ?? 0;
    if (held >= this.#max) return false;
    this.#held.set(this.#client, held + 1);
    this.#isIn = true;
    return true;
  }

  /** Frees the place. Idempotent. */
  leave(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    const held = (this.#held.get(this.#client) ?? 1) - 1;
    if (held > 0) this.#held.set(this.#client, held);
    else this.#held.delete(this.#client);
  }
}
