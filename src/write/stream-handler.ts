import * as z from 'zod';

import { controlKindOf, SPECIAL_END_TOKENS } from '../entry/tokens.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { withoutTerminalControls } from '../support/terminal-text.ts';
import { watchStdout } from '../support/stdout-errors.ts';

/** Gets each chunk as it is written, and the id of its session. What it returns is ignored. */
export type StreamHandler = (message: string, sessionId: string) => unknown;

/**
 * Hands each chunk to a stream handler. A handler that throws, or a closed stdout (`| head -1`), never reaches the
 * caller and turns the echo off.
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
    // The listener stays: more errors of writes already under way may follow.
    if (this.#isOn) this.#turnOff('stdout cannot be written; the echo is off', error);
  };

  #turnOff(message: string, error: unknown): void {
    this.#isOn = false;
    reporterFor('echo').warn(message, error);
  }
}

/**
 * Writes a chunk to stdout as it arrives, the way the original logger's handler did: the chunks of several sessions stand
 * in one another's lines.
 *
 * A token prints nothing, or a newline for one of `SPECIAL_END_TOKENS`, and returns `undefined`. Other text is written
 * without control characters other than newline and tab, and without overrides of the direction of text, and returned
 * unchanged. `''` writes nothing.
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
