import type { BlockChange } from '../../../src/serve/protocol.ts';
import { placeOf } from '../blocks.ts';

/** Which blocks are in the document: a session may have 100,000. Ids name them, since indexes change when older blocks come. */
export interface ShownWindow {
  readonly first: number;
  /** `undefined`: up to the newest, also when others come. */
  readonly last: number | undefined;
}

/** How many blocks there are at first, how many come with each step up or down, and how many there are at most. */
const AT_FIRST = 80;
const STEP = 60;
const AT_MOST = 260;

type Blocks = readonly BlockChange[];

export function newestWindow(blocks: Blocks): ShownWindow {
  return { first: blocks[Math.max(0, blocks.length - AT_FIRST)]?.id ?? 0, last: undefined };
}

export function windowAround(blocks: Blocks, id: number): ShownWindow {
  const at = placeOf(blocks, id);
  return between(blocks, at - STEP, at + STEP);
}

/** The indexes of the first block that is shown, and of the one after the last. */
export function placesIn(blocks: Blocks, { first, last }: ShownWindow): readonly [from: number, to: number] {
  return [placeOf(blocks, first), last === undefined ? blocks.length : placeOf(blocks, last + 1)];
}

/** The window when blocks have come: at the end the oldest ones leave it; farther up the newest ones stay out. */
export function grownWindow(blocks: Blocks, shown: ShownWindow, isAtEnd: boolean): ShownWindow {
  const [from, to] = placesIn(blocks, shown);
  if (to - from <= AT_MOST) return shown;
  return isAtEnd ? newestWindow(blocks) : between(blocks, from, from + AT_MOST);
}

export function earlierWindow(blocks: Blocks, shown: ShownWindow): ShownWindow {
  const [from, to] = placesIn(blocks, shown);
  return from === 0 ? shown : between(blocks, from - STEP, Math.min(to, from - STEP + AT_MOST));
}

export function laterWindow(blocks: Blocks, shown: ShownWindow): ShownWindow {
  const [from, to] = placesIn(blocks, shown);
  return shown.last === undefined ? shown : between(blocks, Math.max(from, to + STEP - AT_MOST), to + STEP);
}

function between(blocks: Blocks, from: number, to: number): ShownWindow {
  return {
    first: blocks[Math.max(0, from)]?.id ?? 0,
    last: to >= blocks.length ? undefined : blocks[to - 1]?.id,
  };
}
