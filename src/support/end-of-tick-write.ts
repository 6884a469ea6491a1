import { cancelTurn, nextTurn } from '../support/timers.ts';
import type { Turn } from '../support/timers.ts';

/** All writes that may be due when the process exits. One `exit` listener serves them all. */
const open = new Set<EndOfTickWrite>();
let isExiting = false;
let isListening = false;

function onExit(): void {
  // From here on nothing asynchronous runs: what later listeners add is written at once.
  isExiting = true;
  for (const each of open) each.now();
}

/** Deno emits no `exit` after an error that nobody catches. */
function onUncaughtError(): void {
  if (process.listenerCount('uncaughtException') === 0) onExit();
}

/**
 * Calls `write` once at the end of each event-loop tick in which `arm` was called. The daily file and the disk spool write
 * their buffers with it.
 *
 * `write` is called synchronously, never while it already runs, and also on `process` `'exit'`: a normal end,
 * `process.exit()` and an uncaught error lose nothing. Our `exit` listener runs before the others, since one of them that
 * throws would keep the rest from running. A SIGKILL can lose the open tick.
 *
 * `write` must not throw. Its argument says whether the process exits: nothing asynchronous runs after such a call.
 */
export class EndOfTickWrite {
  readonly #write: (isExiting: boolean) => void;
  #turn: Turn | undefined;
  #isWriting = false;
  #isAskedMeanwhile = false;

  constructor(write: (isExiting: boolean) => void) {
    this.#write = write;
    open.add(this);
    if (!isListening) {
      isListening = true;
      process.prependListener('exit', onExit);
      if (process.versions['deno'] !== undefined) {
        process.prependListener('uncaughtExceptionMonitor', onUncaughtError);
      }
    }
  }

  /** Something was added: `write` is called by the end of this tick. */
  arm(): void {
    if (isExiting) this.now();
    else this.#turn ??= nextTurn(this.#onTurn);
  }

  /** Calls `write` now, for a buffer that is full: in a tight loop nothing else bounds memory. */
  now(): void {
    if (this.#turn !== undefined) {
      cancelTurn(this.#turn);
      this.#turn = undefined;
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

  /** `write` itself caused something to be added (a report that is logged, say): writes once more, but not in a circle. */
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

  /** Calls `write` a last time; the process exit does not call it any more. */
  close(): void {
    this.now();
    open.delete(this);
  }

  readonly #onTurn = (): void => {
    this.#turn = undefined;
    this.now();
  };
}
