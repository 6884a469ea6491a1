import * as z from 'zod';

import { controlKindOf, SPECIAL_END_TOKENS } from '../entry/tokens.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { withoutTerminalControls } from '../support/terminal-text.ts';
import { watchStdout } from '../support/stdout-errors.ts';

/** Called with each chunk as it is written, and with the id of its session. Its return value is ignored. */
export type StreamHandler = (message: string, sessionId: string) => unknown;

/**
 * Passes each chunk to a stream handler. If the handler throws, or stdout is closed (`| head -1`), it turns the echo
 * off; the caller never gets the error.
 */
export class Echo {
  readonly #handler: StreamHandler;
  #isOn = true;
  readonly #stopWatching: () => void;

  constructor(handler: StreamHandler = defaultStreamHandler) {
    this.#handler = handler;
    this.#stopWatching = watchStdout(this.#onStdoutError);
  }

  write(message: string, sessionId: string): void {
    if (!this.#isOn) return;
    try {
      catchRejection(this.#handler(message, sessionId), this.#onThrow);
    } catch (error) {
      this.#onThrow(error);
    }
  }

  close(): void {
    this.#isOn = false;
    this.#stopWatching();
  }

  readonly #onThrow = (error: unknown): void => {
    if (this.#isOn) this.#turnOff('the stream handler threw; the echo is off', error);
  };

  readonly #onStdoutError = (error: unknown): void => {
    // Keep the listener: pending writes may fail too.
    if (this.#isOn) this.#turnOff('stdout cannot be written to; the echo is off', error);
  };

  #turnOff(message: string, error: unknown): void {
    this.#isOn = false;
    reporterFor('echo').warn(message, error);
  }
}

/**
 * Writes a chunk to stdout as it arrives, as the handler of the Python original does: chunks of several sessions share
 * lines.
 *
 * For a token it returns `undefined` and prints nothing, or a newline if it is one of `SPECIAL_END_TOKENS`. It prints
 * other text without control characters (except newline and tab) and without overrides of text direction, and returns
 * the text unchanged. `''` prints nothing.
 */
export function defaultStreamHandler(message: string): string | undefined {
  if (controlKindOf(message) !== undefined) {
    if (SPECIAL_END_TOKENS.includes(message)) process.stdout.write('\n');
    return undefined;
  }
  if (message !== '') process.stdout.write(withoutTerminalControls(message));
  return message;
}

export function streamHandlerOption(): z.ZodOptional<z.ZodCustom<StreamHandler | false>> {
  return z
    .custom<StreamHandler | false>((value) => value === false || typeof value === 'function', 'a function or false')
    .optional();
}
