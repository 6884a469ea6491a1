import { describe, expect, it } from 'vitest';

import { answersEnded } from '../../page/src/announcements.ts';
import { withBlocks } from '../../page/src/blocks.ts';
import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';

function block(id: number, fields: Partial<BlockChange> = {}): BlockChange {
  const still = { millis: 0, lastMillis: 0, isOpen: true, isFailed: false, parts: [], entries: 1, seq: id } as const;
  return { id, type: 'answer', ...still, ...fields };
}

function event(blocks: readonly BlockChange[], fields: Partial<BlocksEvent> = {}): BlocksEvent {
  return { key: 's:abc', blocks, ...fields };
}

describe('what is said of answers', () => {
  const known = withBlocks(undefined, event([block(1, { isNew: true }), block(2, { isNew: true })], { isReset: true }));

  it('is that one finished or broke off, once, and nothing about its tokens', () => {
    expect(answersEnded(known, event([block(1)]))).toEqual([]);
    const ended = event([block(1, { isOpen: false }), block(2, { isOpen: false, isFailed: true })]);
    expect(answersEnded(known, ended)).toEqual(['An answer broke off in abc', 'An answer finished in abc']);
    expect(answersEnded(withBlocks(known, ended), event([block(1, { isOpen: false })]))).toEqual([]);
  });

  it('is nothing about an answer that continues below a gap', () => {
    const gap = block(3, { isNew: true, type: 'gap', isOpen: false });
    const below = block(4, { isNew: true, isContinued: true });
    expect(answersEnded(known, event([block(1, { isOpen: false }), gap, below]))).toEqual([]);
    const another = { ...below, streamId: 'other' };
    expect(answersEnded(known, event([block(1, { isOpen: false }), gap, another]))).toEqual([
      'An answer finished in abc',
    ]);
  });

  it('is nothing about answers that were there when the session was opened', () => {
    const past = event([block(3, { isNew: true, isOpen: false })], { isReset: true });
    expect(answersEnded(undefined, past)).toEqual([]);
    expect(answersEnded(known, past)).toEqual([]);
    expect(answersEnded(known, event([block(3, { isNew: true, isOpen: false })]))).toEqual([
      'An answer finished in abc',
    ]);
  });
});
