import { setTimeout as sleep } from 'node:timers/promises';

/** A word's beginning with the space before it, a word's next part, white space, or one other code point. */
const PIECE = /\s?[\p{L}\p{N}]{1,6}|\s+|[^]/gu;
const TURN_MILLIS = 16;

/** What happens when that share of an answer is written. */
export interface Act {
  readonly at: number;
  readonly run: () => void | Promise<void>;
}

/**
 * Stands in for a model: yields a text piece by piece in about that time, now faster, now slower, and lets the acts happen
 * on the way, in their order. Joined, the pieces are the text.
 */
export async function* model(text: string, millis: number, acts: readonly Act[]): AsyncGenerator<string> {
  const pieces = text.match(PIECE) ?? [];
  const rest = [...acts];
  const perTurn = (pieces.length * TURN_MILLIS) / millis;
  let due = 0;
  for (const [index, piece] of pieces.entries()) {
    while (rest[0] !== undefined && rest[0].at <= index / pieces.length) await rest.shift()?.run();
    for (; due < index; due += perTurn * (0.3 + 1.4 * Math.random())) await sleep(TURN_MILLIS);
    yield piece;
  }
  for (const { run } of rest) await run();
}
