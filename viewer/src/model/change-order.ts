import type { Block } from './block.ts';

/**
 * The blocks of a session in the order in which they last changed, as a list linked through the blocks themselves. Pages ask 50
 * times a second what changed among up to a million blocks: the cost of an answer depends only on how many blocks changed.
 */
export class ChangeOrder {
  #newest: Block | undefined;

  /** Notes that the block changed at this cursor, which is never below that of the previous change. */
  note(block: Block, seq: number): void {
    block.changedAt = seq;
    if (block === this.#newest) return;
    this.forget(block);
    block.changedBefore = this.#newest;
    if (this.#newest !== undefined) this.#newest.changedAfter = block;
    this.#newest = block;
  }

  forget(block: Block): void {
    const { changedBefore: before, changedAfter: after } = block;
    if (before !== undefined) before.changedAfter = after;
    if (after !== undefined) after.changedBefore = before;
    if (this.#newest === block) this.#newest = before;
    block.changedBefore = undefined;
    block.changedAfter = undefined;
  }

  /** The blocks that changed after the cursor, in the order in which they began: at most `max`, those that changed last. */
  behind(cursor: number, max: number): Block[] {
    const blocks: Block[] = [];
    let block = this.#newest;
    for (; block !== undefined && block.changedAt > cursor && blocks.length < max; block = block.changedBefore) {
      blocks.push(block);
    }
    return blocks.sort((a, b) => a.id - b.id);
  }
}
