import { ownText } from '../support/own-text.ts';

/** How many streams each client holds. */
export class ClientShares {
  readonly #held = new Map<string, number>();

  /** The share of a client, in which a stream of its has no place yet. */
  of(client: string, max: number, isEventStream: boolean): ClientShare {
    return new ClientShare(this.#held, ownText(client), max, isEventStream);
  }
}

/** The place of one stream in the share of its client. */
export class ClientShare {
  /** The client asks again by itself when its stream ends. */
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

  /** `false`: the share is used up. Idempotent. */
  enter(): boolean {
    if (this.#isIn) return true;
    const held = this.#held.get(this.#client) ?? 0;
    if (held >= this.#max) return false;
    this.#held.set(this.#client, held + 1);
    this.#isIn = true;
    return true;
  }

  /** Idempotent. */
  leave(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    const held = (this.#held.get(this.#client) ?? 1) - 1;
    if (held > 0) this.#held.set(this.#client, held);
    else this.#held.delete(this.#client);
  }
}
