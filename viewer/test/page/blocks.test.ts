import { describe, expect, it } from 'vitest';

import { blockIn, MAX_BLOCKS, withBlocks, withOlder } from '../../page/src/blocks.ts';
import type { BlockChange } from '../../src/serve/protocol.ts';

function block(id: number, fields: Partial<BlockChange> = {}): BlockChange {
  const known = { type: 'log', millis: 0, lastMillis: 0, isOpen: false, isFailed: false, parts: [] } as const;
  return { id, isNew: true, ...known, entries: 1, seq: id, ...fields };
}

function text(part: 'text' | 'tool', said: string): BlockChange['parts'][number] {
  return { part, text: said, millis: 0 };
}

const ids = ({ blocks }: { readonly blocks: readonly BlockChange[] }): number[] => blocks.map(({ id }) => id);

describe('the blocks that a page has', () => {
  it('appends to the block that changed, and keeps the objects of the others', () => {
    const before = withBlocks(undefined, { key: 'a', blocks: [block(3), block(5, { parts: [text('text', 'He')] })] });
    const { isNew: _, ...change } = block(5, { parts: [text('text', 'llo'), text('tool', 'find')] });
    const after = withBlocks(before, { key: 'a', blocks: [change] });
    expect(blockIn(after, 5)?.parts.map((part) => part.text)).toEqual(['Hello', 'find']);
    expect(after.blocks[0]).toBe(before.blocks[0]);
    // What a paused page shows does not change.
    expect(blockIn(before, 5)?.parts.map((part) => part.text)).toEqual(['He']);
  });

  it('begins a part where the change says so', () => {
    const before = withBlocks(undefined, { key: 'a', blocks: [block(1, { parts: [text('tool', 'one')] })] });
    const { isNew: _, ...change } = block(1, { parts: [text('tool', 'two')], startsPart: true });
    const after = withBlocks(before, { key: 'a', blocks: [change] });
    expect(blockIn(after, 1)?.parts.map((part) => part.text)).toEqual(['one', 'two']);
  });

  it('ignores a change of a block that it does not have, and forgets all at a reset', () => {
    const { isNew: _, ...change } = block(2);
    const known = withBlocks(undefined, { key: 'a', hasOlder: true, blocks: [block(7)] });
    expect(ids(withBlocks(known, { key: 'a', blocks: [change] }))).toEqual([7]);
    expect(known.hasOlder).toBe(true);
    const anew = withBlocks(known, { key: 'a', isReset: true, blocks: [block(9)] });
    expect([ids(anew), anew.hasOlder]).toEqual([[9], false]);
  });

  it('puts older ones before its own, each once', () => {
    const known = withBlocks(undefined, { key: 'a', hasOlder: true, blocks: [block(7), block(9)] });
    const more = withOlder(known, { blocks: [block(3), block(5), block(7)], hasOlder: false });
    expect([ids(more), more.hasOlder]).toEqual([[3, 5, 7, 9], false]);
    expect(more.blocks[2]).toBe(known.blocks[0]);
  });

  it('keeps a bounded number: it drops the oldest, which the server still has', () => {
    const many = Array.from({ length: MAX_BLOCKS }, (_, at) => block(at + 1));
    const full = withBlocks(undefined, { key: 'a', blocks: many });
    expect([full.blocks.length, full.hasOlder]).toEqual([MAX_BLOCKS, false]);
    const over = withBlocks(full, { key: 'a', blocks: [block(MAX_BLOCKS + 1)] });
    expect(over.blocks.length).toBe(MAX_BLOCKS * 0.9);
    expect([over.blocks.at(-1)?.id, over.hasOlder]).toEqual([MAX_BLOCKS + 1, true]);
  });
});
