import { cancelTurn, nextTurn } from '../support/timers.ts';
import type { Turn } from '../support/timers.ts';

/** All objects that may have to write when the process exits. One `exit` listener serves them all. */
const open = new Set<EndOfTickWrite>();
let isExiting = false;
let isListening = false;

function onExit(): void {
  // From now on nothing asynchronous runs: what later listeners add is written at once.
  isExiting = true;
  for (const each of open) each.now();
}

/** Deno emits no `exit` after an uncaught error. */
function onUncaughtError(): void {
  if (process.listenerCount('uncaughtException') === 0) onExit();
}

/**
 * Calls `write` once at the end of each tick of the event loop in which `arm` was called. The daily file and the disk
 * spool write their buffers with it.
 *
 * `write` is called synchronously, never while it already runs, and also on `process` `'exit'`: a normal end,
 * `process.exit()` and an uncaught error lose nothing. Its `exit` listener runs before the others, because one that
 * throws would keep the rest from running. A SIGKILL can lose the current tick.
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

  /** Makes `write` run by the end of this tick, because something was added. */
  arm(): void {
    if (isExiting) this.now();
    else this.#turn ??= nextTurn(this.#onTurn);
  }

  /** Calls `write` now, for a full buffer: nothing else limits memory in a tight loop. */
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

  /** Writes once more, but not endlessly, if `write` itself caused something to be added, such as a logged report. */
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

  /** Calls `write` a last time; the exit of the process no longer calls it. */
  close(): void {
    this.now();
    open.delete(this);
  }

  readonly #onTurn = (): void => {
    this.#turn = undefined;
    this.now();
  };
}
