/** What the page has seen of the stream, so that another one goes on from there, without a hole and without a repetition. */
export class Seen {
  #lastId = '';
  /** Followed sessions that have to come from the start. */
  readonly #anew = new Set<string>();
  /** Sessions of which something came since the last id: when the stream ends now, what the page has of them is in pieces. */
  readonly #inPart = new Set<string>();

  /** These sessions have to come from the start. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) this.#anew.add(key);
  }

  /** Something of a session came. @param isWhole From the start. */
  took(key: string, isWhole: boolean): void {
    this.#inPart.add(key);
    if (isWhole) this.#anew.delete(key);
  }

  /** All up to this id has come. */
  reached(id: string): void {
    this.#lastId = id;
    this.#inPart.clear();
  }

  /** Asks for what comes after, of these sessions. */
  resume(query: URLSearchParams, keys: readonly string[]): void {
    this.forget(this.#inPart);
    this.#inPart.clear();
    for (const key of keys) {
      query.append('follow', key);
      if (this.#anew.has(key)) query.append('anew', key);
    }
    if (this.#lastId !== '') query.set('after', this.#lastId);
  }
}
