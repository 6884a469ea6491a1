import type { SearchHit } from '../../../src/serve/protocol.ts';

/** A place of a text: a block, and which of the places in it, from 0. */
export interface FoundPlace {
  readonly block: number;
  readonly nth: number;
}

type Places = Pick<SearchHit, 'blocks' | 'times'>;

/** The place that an address names; block 0 for none. */
export function readPlace(place: string): FoundPlace {
  const [block = 0, nth = 0] = place.split('.').map(Number);
  return { block, nth };
}

export function writePlace({ block, nth }: FoundPlace): string {
  return `${block}.${nth}`;
}

/** The first place that a search has found in a session. */
export function firstPlace({ blocks }: Places): FoundPlace {
  return { block: blocks[0] ?? 0, nth: 0 };
}

/** The number of the place among all of the session, from 1; `undefined` if the text is no longer there. */
export function numberOf({ blocks, times }: Places, { block, nth }: FoundPlace): number | undefined {
  const at = blocks.indexOf(block);
  return at === -1 ? undefined : times.slice(0, at).reduce((sum, count) => sum + count, nth + 1);
}

/** The next place, or the previous one; `undefined` if there is none. Another block may have been chosen meanwhile. */
export function placeAfter({ blocks, times }: Places, { block, nth }: FoundPlace, by: 1 | -1): FoundPlace | undefined {
  const at = blocks.indexOf(block);
  const next = nth + by;
  if (at !== -1 && next >= 0 && next < (times[at] ?? 0)) return { block, nth: next };
  const other = by > 0 ? blocks.findIndex((id) => id > block) : blocks.findLastIndex((id) => id < block);
  const id = blocks[other];
  return id === undefined ? undefined : { block: id, nth: by > 0 ? 0 : (times[other] ?? 1) - 1 };
}
