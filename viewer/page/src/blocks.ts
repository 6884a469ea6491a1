import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';
import { wholeCounted } from './list/figures.ts';

/** The blocks of a followed session, as the page has them. What has changed is a new object; the rest need not be drawn again. */
export interface Conversation {
  /** Oldest first: their ids grow. */
  readonly blocks: readonly BlockChange[];
  readonly hasOlder: boolean;
  readonly isGone: boolean;
}

/** Most blocks that a page keeps of one session; the server has the others. */
export const MAX_BLOCKS = 150_000;

/** The conversation after an event, by the rules of PROTOCOL.md. */
export function withBlocks(known: Conversation | undefined, event: BlocksEvent): Conversation {
  const isAnew = known === undefined || event.isReset === true || event.isGone === true;
  // A copy of an array of references takes microseconds; a map of as many takes a hundred times as long.
  const blocks = isAnew ? [] : known.blocks.slice();
  for (const change of event.blocks) take(blocks, change);
  const isOver = blocks.length > MAX_BLOCKS;
  if (isOver) blocks.splice(0, blocks.length - MAX_BLOCKS * 0.9);
  return {
    blocks,
    hasOlder: isOver || (isAnew ? event.hasOlder === true : known.hasOlder),
    isGone: event.isGone === true,
  };
}

/** What `/api/blocks` answers with. */
export interface OlderBlocks {
  readonly blocks: readonly BlockChange[];
  readonly hasOlder: boolean;
}

/** The conversation with older blocks before those that it has. */
export function withOlder(known: Conversation, { blocks, hasOlder }: OlderBlocks): Conversation {
  const first = known.blocks[0]?.id ?? Number.POSITIVE_INFINITY;
  return { ...known, blocks: [...blocks.filter(({ id }) => id < first), ...known.blocks], hasOlder };
}

/** What a gap says: how many entries are missing, and why. */
export function gapText({ missing = -1, reason = '' }: BlockChange): string {
  const count = missing === -1 ? 'An unknown number of entries is' : wholeCounted(missing, 'entry is', 'entries are');
  return `${count} missing here${reason === '' ? '' : `: ${reason}`}`;
}

/** The index at which the block of that id is, or would be. */
export function placeOf(blocks: readonly BlockChange[], id: number): number {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((blocks[middle] as BlockChange).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The block of that id. */
export function blockIn(conversation: Conversation | undefined, id: number): BlockChange | undefined {
  const found = conversation?.blocks[placeOf(conversation.blocks, id)];
  return found?.id === id ? found : undefined;
}

function take(blocks: BlockChange[], change: BlockChange): void {
  const at = placeOf(blocks, change.id);
  const before = blocks[at]?.id === change.id ? blocks[at] : undefined;
  if (change.isNew === true) blocks.splice(at, before === undefined ? 0 : 1, change);
  else if (before !== undefined) blocks[at] = appended(before, change);
}

function appended(before: BlockChange, { parts, startsPart, ...change }: BlockChange): BlockChange {
  const all = before.parts.slice();
  parts.forEach((part, at) => {
    const last = all.at(-1);
    if (at === 0 && startsPart !== true && last?.part === part.part)
      all[all.length - 1] = { ...last, text: last.text + part.text };
    else all.push(part);
  });
  return { ...before, ...change, parts: all };
}
