/** A `next()` call that is not settled yet. */
export interface NextCall<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

interface QueuedCall<T> extends NextCall<T> {
  following: QueuedCall<T> | undefined;
}

/**
 * The `next()` calls of an iterator that are not settled yet, in order. They are linked, not in an array: calls may
 * overlap but hardly ever do, so the usual single call costs one object and a waiting reader holds no list.
 */
export class NextQueue<T> {
  #first: QueuedCall<T> | undefined = undefined;
  /** Of no meaning while there is no first. */
  #last: QueuedCall<T> | undefined = undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  push(resolve: NextCall<T>['resolve'], reject: NextCall<T>['reject']): void {
    const call: QueuedCall<T> = { resolve, reject, following: undefined };
    if (this.#first === undefined) this.#first = call;
    else (this.#last as QueuedCall<T>).following = call;
    this.#last = call;
  }

  /** Takes the first call out; the caller settles it. */
  shift(): NextCall<T> | undefined {
    const first = this.#first;
    this.#first = first?.following;
    // A reader that waits for its next call holds none of the calls before.
    if (this.#first === undefined) this.#last = undefined;
    return first;
  }

  /** Resolves every call as done. */
  finish(): void {
    let call = this.#first;
    this.#first = undefined;
    this.#last = undefined;
    for (; call !== undefined; call = call.following) call.resolve({ value: undefined, done: true });
  }
}
