import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';

/** The blocks of a followed session, as the page has them; each is another object when it has changed. */
export interface Conversation {
  readonly blocks: ReadonlyMap<number, BlockChange>;
  readonly hasOlder: boolean;
  readonly isGone: boolean;
}

/** The conversation with what an event says of it, by the rules of PROTOCOL.md. */
export function withBlocks(known: Conversation | undefined, event: BlocksEvent): Conversation {
  const isAnew = known === undefined || event.isReset === true || event.isGone === true;
  const blocks = new Map(isAnew ? [] : known.blocks);
  for (const change of event.blocks) {
    const before = blocks.get(change.id);
    if (change.isNew === true) blocks.set(change.id, change);
    else if (before !== undefined) blocks.set(change.id, appended(before, change));
  }
  return {
    blocks,
    hasOlder: isAnew ? event.hasOlder === true : known.hasOlder,
    isGone: event.isGone === true,
  };
}

function appended(before: BlockChange, { parts, startsPart, ...change }: BlockChange): BlockChange {
  const all = [...before.parts];
  parts.forEach((part, at) => {
    const last = all.at(-1);
    if (at === 0 && startsPart !== true && last?.part === part.part)
      all[all.length - 1] = { ...last, text: last.text + part.text };
    else all.push(part);
  });
  return { ...before, ...change, parts: all };
}

/** What `/api/blocks` answers with. */
export interface OlderBlocks {
  readonly blocks: readonly BlockChange[];
  readonly hasOlder: boolean;
}

/** The conversation with blocks before those that it has. */
export function withOlder(known: Conversation, { blocks, hasOlder }: OlderBlocks): Conversation {
  return {
    ...known,
    blocks: new Map([...blocks.map((block) => [block.id, block] as const), ...known.blocks]),
    hasOlder,
  };
}
