type Resolve<T> = (result: IteratorResult<T, undefined>) => void;
type Reject = (error: unknown) => void;

/** A `next()` call behind the first that waits. */
interface QueuedCall<T> {
  readonly resolve: Resolve<T>;
  readonly reject: Reject;
  following: QueuedCall<T> | undefined;
}

// What the executor below got last. One executor serves all promises: a closure for each makes a waiting reader a tenth
// slower.
const NOBODY = (): void => {};
let lastResolve: (value: unknown) => void = NOBODY;
let lastReject: Reject = NOBODY;
function keepLast(resolve: (value: never) => void, reject: Reject): void {
  lastResolve = resolve as (value: unknown) => void;
  lastReject = reject;
}

/**
 * The unsettled `next()` calls of an iterator, in order. Calls may overlap but hardly ever do: the first is held
 * directly, so that a waiting reader holds nothing but its promise; further ones are linked.
 */
export class NextQueue<T> {
  #resolve: Resolve<T> | undefined = undefined;
  #reject: Reject | undefined = undefined;
  #second: QueuedCall<T> | undefined = undefined;
  /** Meaningless while there is no second. */
  #last: QueuedCall<T> | undefined = undefined;

  get isEmpty(): boolean {
    return this.#resolve === undefined;
  }

  /** Adds a call that waits from now on. */
  push(): Promise<IteratorResult<T, undefined>> {
    const promise = new Promise<IteratorResult<T, undefined>>(keepLast);
    const resolve: Resolve<T> = lastResolve;
    const reject = lastReject;
    // Otherwise they would keep the promise alive, and with it the entry that it resolves to.
    lastResolve = NOBODY;
    lastReject = NOBODY;
    if (this.#resolve === undefined) {
      this.#resolve = resolve;
      this.#reject = reject;
      return promise;
    }
    const call: QueuedCall<T> = { resolve, reject, following: undefined };
    if (this.#second === undefined) this.#second = call;
    else (this.#last as QueuedCall<T>).following = call;
    this.#last = call;
    return promise;
  }

  /** Resolves the first call with a value. */
  resolveFirst(value: T): void {
    const resolve = this.#resolve;
    this.#moveUp();
    resolve?.({ value, done: false });
  }

  /** Removes the first call, for the caller to reject; `undefined` if there is none. */
  takeFirst(): Reject | undefined {
    const reject = this.#reject;
    this.#moveUp();
    return reject;
  }

  #moveUp(): void {
    const second = this.#second;
    this.#resolve = second?.resolve;
    this.#reject = second?.reject;
    if (second === undefined) return;
    this.#second = second.following;
    // A reader between two calls holds no earlier call.
    if (this.#second === undefined) this.#last = undefined;
  }

  /** Resolves every call as done. */
  finish(): void {
    const resolve = this.#resolve;
    let call = this.#second;
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#second = undefined;
    this.#last = undefined;
    resolve?.({ value: undefined, done: true });
    for (; call !== undefined; call = call.following) call.resolve({ value: undefined, done: true });
  }
}
