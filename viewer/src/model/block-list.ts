import type { Block, BlockType, Entry } from './block.ts';
import { ChangeOrder } from './change-order.ts';
import { roleOf } from './entry.ts';

/** Gives out numbers that count over all sessions. */
export interface Numbers {
  nextBlock(): number;
  nextSeq(): number;
}

/** How an answer begins. */
export type Beginning = Pick<Block, 'streamId' | 'isMarked' | 'isContinued'>;

const NO_ANSWER: Beginning = { streamId: undefined, isMarked: false, isContinued: false };
/** Shared: of a million blocks most have none. */
const NO_REASONS: readonly string[] = Object.freeze([]);

/** The blocks of a session in two orders: as they began, and as they last changed. */
export class BlockList {
  /** In the order in which they began. */
  readonly all: Block[] = [];
  readonly #numbers: Numbers;
  readonly #changes = new ChangeOrder();

  constructor(numbers: Numbers) {
    this.#numbers = numbers;
  }

  /** Adds a block for one entry. */
  addSingle(entry: Entry, type: 'message' | 'log'): Block {
    const role = type === 'message' ? roleOf(entry.data) : undefined;
    const fields = { ...NO_ANSWER, type, role, millis: entry.millis, missing: 0, reason: '' };
    // A list that an entry is added to has room for 17.
    const block = this.#push(fields, entry.seq, [entry]);
    block.isOpen = false;
    entry.block = block;
    entry.part = 'text';
    return block;
  }

  /** Adds the block of an answer that begins with this entry, without the entry itself. */
  addAnswer({ data, millis, seq }: Entry, beginning: Beginning): Block {
    return this.#push({ ...beginning, type: 'answer', role: roleOf(data), millis, missing: 0, reason: '' }, seq);
  }

  /** Adds a gap or an end. @returns The cursor there. */
  addDivider(type: 'gap' | 'end', missing: number, reason: string, millis: number): number {
    const seq = this.#numbers.nextSeq();
    this.#push({ ...NO_ANSWER, type, role: undefined, millis, missing, reason }, seq).isOpen = false;
    return seq;
  }

  #push(
    fields: Beginning & Pick<Block, 'role' | 'millis' | 'missing' | 'reason'> & { readonly type: BlockType },
    changedAt: number,
    entries: Entry[] = [],
  ): Block {
    const block: Block = {
      id: this.#numbers.nextBlock(),
      ...fields,
      entries,
      isOpen: true,
      isFailed: false,
      finishReasons: NO_REASONS,
      changedAt,
      changedBefore: undefined,
      changedAfter: undefined,
    };
    this.all.push(block);
    this.#changes.note(block, changedAt);
    return block;
  }

  /** Notes that the block changed at this cursor, which is never below that of the previous change. */
  noteChange(block: Block, seq: number): void {
    this.#changes.note(block, seq);
  }

  /** The blocks that changed after the cursor, in the order in which they began: at most `max`, those that changed last. */
  changedSince(cursor: number, max: number = Number.POSITIVE_INFINITY): Block[] {
    return this.#changes.behind(cursor, max);
  }

  /**
   * Drops the oldest entries of the session, the blocks that hold no other entries, and the marks above the oldest entry
   * that stays.
   *
   * @param gone The oldest entries, in the order of arrival.
   * @param keptSeq The number of the oldest entry that stays.
   * @returns The dropped blocks.
   */
  dropOldest(gone: readonly Entry[], keptSeq: number): ReadonlySet<Block> {
    const counts = new Map<Block, number>();
    for (const { block } of gone) counts.set(block, (counts.get(block) ?? 0) + 1);
    // The entries of a block are in the order of arrival too.
    for (const [block, count] of counts) block.entries.splice(0, count);
    const dropped = new Set<Block>();
    let at = 0;
    for (const block of this.all) {
      const isKept = block.entries.length > 0 || (!counts.has(block) && block.changedAt > keptSeq);
      if (isKept) this.all[at++] = block;
      else dropped.add(block);
    }
    this.all.length = at;
    for (const block of dropped) this.#changes.forget(block);
    return dropped;
  }
}
