/** The buffers that still have to be written when the process ends; one `exit` listener serves them all. */
const open = new Set<TickFlush>();
let isExiting = false;
let isListening = false;

function onExit(): void {
  // From here on nothing asynchronous runs any more: what later listeners add is written at once.
  isExiting = true;
  for (const flush of open) flush.now();
}

/**
 * Calls `write` once at the end of the event-loop tick in which something was added: the buffer of one tick that the
 * daily file and the disk spool share.
 *
 * `write` is called synchronously, never while it runs already, and on `process` `'exit'` too: a return,
 * `process.exit()` and an uncaught error lose nothing. The `exit` listener is put in front of the others, since
 * a listener of somebody else that throws ends the round. What a SIGKILL can lose is the open tick.
 *
 * `write` must not throw. It is told whether the process exits: then this is its last chance.
 */
export class TickFlush {
  readonly #write: (isExiting: boolean) => void;
  #immediate: NodeJS.Immediate | undefined;
  #isWriting = false;
  #isAskedMeanwhile = false;

  constructor(write: (isExiting: boolean) => void) {
    this.#write = write;
    open.add(this);
    if (!isListening) {
      isListening = true;
      process.prependListener('exit', onExit);
    }
  }

  /** Something was added: it is written by the end of this tick. */
  arm(): void {
    if (isExiting) this.now();
    else this.#immediate ??= setImmediate(this.#onImmediate);
  }

  /** Writes now. The owner calls it when its buffer is full: in a tight loop nothing else bounds memory. */
  now(): void {
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    if (this.#isWriting) {
      this.#isAskedMeanwhile = true;
      return;
    }
    this.#isWriting = true;
    this.#isAskedMeanwhile = false;
    try {
      this.#write(isExiting);
    } finally {
      this.#isWriting = false;
    }
    if (this.#isAskedMeanwhile) this.#writeRest();
  }

  /** Something was added from within the write (a report that is itself logged): once more, and never in a circle. */
  #writeRest(): void {
    if (!isExiting) {
      this.arm();
      return;
    }
    this.#isWriting = true;
    try {
      this.#write(isExiting);
    } finally {
      this.#isWriting = false;
    }
  }

  /** Writes what is left and forgets the buffer. */
  close(): void {
    this.now();
    open.delete(this);
  }

  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    this.now();
  };
}
