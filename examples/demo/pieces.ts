import { setTimeout as sleep } from 'node:timers/promises';

/** A word's beginning with the space before it, a word's next part, white space, or one other code point. */
const PIECE = /\s?[\p{L}\p{N}]{1,6}|\s+|[^]/gu;

/** The text in pieces such as a model writes, cut at code points; joined they are the text. */
export function piecesOf(text: string): string[] {
  return text.match(PIECE) ?? [];
}

/** The pieces at a lively pace: all of them in about that time, now faster, now slower. */
export async function* atPace(pieces: readonly string[], totalMillis: number): AsyncGenerator<string[]> {
  const turnMillis = 16;
  const perTurn = Math.max(1, pieces.length / Math.max(1, totalMillis / turnMillis));
  let at = 0;
  while (at < pieces.length) {
    const count = Math.max(1, Math.round(perTurn * (0.3 + 1.4 * Math.random())));
    yield pieces.slice(at, at + count);
    at += count;
    if (totalMillis > 0) await sleep(turnMillis);
    else await new Promise(setImmediate);
  }
}
