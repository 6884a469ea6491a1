/** What the page has seen of the stream, so that the next stream continues from there without a gap or a repetition. */
export class Seen {
  #lastId = '';
  /** Followed sessions that must come from the start. */
  readonly #anew = new Set<string>();
  /** Sessions that have changed since the last id: if the stream ends now, the page has only a part of the change. */
  readonly #inPart = new Set<string>();

  /** From now on, these sessions must come from the start. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) this.#anew.add(key);
  }

  /** Notes that something of a session came. @param isWhole Whether it came from the start. */
  took(key: string, isWhole: boolean): void {
    this.#inPart.add(key);
    if (isWhole) this.#anew.delete(key);
  }

  /** Notes that everything up to this id has come. */
  reached(id: string): void {
    this.#lastId = id;
    this.#inPart.clear();
  }

  /** Adds the parameters that ask for what follows in these sessions. */
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
