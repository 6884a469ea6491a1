import { defaultStreamHandler } from '../entry/tokens.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';

/** Gets each chunk as it is written. What it returns is ignored. */
export type StreamHandler = (message: string) => unknown;

/**
 * Hands each chunk to a stream handler. A handler that throws, or a closed stdout (`| head -1`), never reaches the
 * caller and turns the echo off.
 */
export class Echo {
  readonly #handler: StreamHandler;
  #isOn = true;

  constructor(handler: StreamHandler = defaultStreamHandler) {
    this.#handler = handler;
    // Without a listener, a closed pipe would end the process with an uncaught error.
    process.stdout.on('error', this.#onStdoutError);
  }

  write(message: string): void {
    if (!this.#isOn) return;
    try {
      catchRejection(this.#handler(message), this.#onThrow);
    } catch (error) {
      this.#onThrow(error);
    }
  }

  close(): void {
    this.#isOn = false;
    process.stdout.off('error', this.#onStdoutError);
  }

  readonly #onThrow = (error: unknown): void => {
    if (this.#isOn) this.#turnOff('the stream handler threw; the echo is off', error);
  };

  readonly #onStdoutError = (error: unknown): void => {
    // The listener stays: more errors of writes already under way may follow.
    if (this.#isOn) this.#turnOff('stdout cannot be written; the echo is off', error);
  };

  #turnOff(message: string, error: unknown): void {
    this.#isOn = false;
    reporterFor('echo').warn(message, error);
  }
}
