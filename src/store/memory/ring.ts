/**
 * A run of entries: the position of the first one, the block after it, then three columns for each entry. An array and
 * nothing around it: what young collections have to copy is counted in objects first. A fourth column would cost a
 * quarter more of that.
 *
 * Slots of entries that are gone are cleared, so what they held is free at once.
 */
export type Block = unknown[];

const FIRST = 0;
const NEXT = 1;
const HEADER = 2;

// Columns.
const MESSAGE = 0;
const NOTE = 1;
const SEQUENCE = 2;
const COLUMNS = 3;

/** The number as a small integer where it is one: code that is not optimized yet would store a heap object. */
function small(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}

/** What the column NOTE holds: the time alone, or beside a detail. */
export type RingNote<Detail> = number | { readonly time: number; readonly detail: Detail };

/** Blocks double from 4 entries to 64: a short session stays small, a long one costs few blocks. */
const FIRST_LENGTH = HEADER + 4 * COLUMNS;
const LAST_LENGTH = HEADER + 64 * COLUMNS;
const EMPTY_BLOCKS = new Map<number, Block>();
for (let length = FIRST_LENGTH; length <= LAST_LENGTH; length = doubled(length)) {
  EMPTY_BLOCKS.set(
    length,
    Array.from({ length }, (): unknown => undefined),
  );
}

/** The length of a block with twice the entries. */
function doubled(length: number): number {
  return 2 * length - HEADER;
}

function makeBlock(length: number, first: number): Block {
  const block = (EMPTY_BLOCKS.get(length) as Block).slice();
  block[FIRST] = first;
  return block;
}

function firstOf(block: Block): number {
  return block[FIRST] as number;
}

/** The block after this one; `undefined` when it is the last, or was dropped. */
export function blockAfter(block: Block): Block | undefined {
  return block[NEXT] as Block | undefined;
}

/** Where in the block the entry stands; equal to the block's length when the block ends before it. */
export function slotIn(block: Block, position: number): number {
  return HEADER + (position - firstOf(block)) * COLUMNS;
}

/**
 * An append-only log of entries with contiguous positions, dropped from the oldest end: linked blocks of columns.
 *
 * Appending allocates once per block, an entry costs three slots, and reading on from a position is a few loads,
 * whatever the length. Positions never repeat; an entry keeps its position for as long as it is held.
 *
 * Appending to one of 10,000 logs costs what it touches in memory, not what it computes. So what an append needs stands
 * first, side by side, and times are kept relative to one base: small integers, where absolute times would be a heap
 * object each.
 */
export class Ring<Detail> {
  #tail: Block;
  /** Where in the tail the next entry goes. */
  #slot = HEADER;
  /** Position that the next entry gets. */
  next = 0;
  /** Position of the oldest entry held. */
  first = 0;
  readonly #baseSeconds: number;
  #head: Block;

  /** @param timestamp Milliseconds: about when the entries will be. */
  constructor(timestamp: number) {
    this.#tail = makeBlock(FIRST_LENGTH, 0);
    this.#head = this.#tail;
    this.#baseSeconds = Math.floor(timestamp / 1000);
  }

  get length(): number {
    return this.next - this.first;
  }

  push(message: string, detail: Detail | undefined, timestamp: number, sequence: number): void {
    if (this.#slot === this.#tail.length) this.#grow();
    const block = this.#tail;
    const slot = this.#slot;
    const time = small(timestamp - this.#baseSeconds * 1000);
    block[slot + MESSAGE] = message;
    block[slot + NOTE] = detail === undefined ? time : { time, detail };
    block[slot + SEQUENCE] = sequence;
    this.#slot = slot + COLUMNS;
    this.next += 1;
  }

  #grow(): void {
    const full = this.#tail;
    const block = makeBlock(Math.min(doubled(full.length), LAST_LENGTH), this.next);
    full[NEXT] = block;
    this.#tail = block;
    this.#slot = HEADER;
  }

  messageAt(block: Block, slot: number): string {
    return block[slot + MESSAGE] as string;
  }

  /** What stands beside the message; {@link detailOf} and {@link timestampOf} read it. */
  noteAt(block: Block, slot: number): RingNote<Detail> {
    return block[slot + NOTE] as RingNote<Detail>;
  }

  detailOf(note: RingNote<Detail>): Detail | undefined {
    return typeof note === 'number' ? undefined : note.detail;
  }

  timestampOf(note: RingNote<Detail>): number {
    return this.#baseSeconds * 1000 + (typeof note === 'number' ? note : note.time);
  }

  sequenceAt(block: Block, slot: number): number {
    return block[slot + SEQUENCE] as number;
  }

  /**
   * Drops the oldest entry; the ring must not be empty.
   *
   * @returns What `sizeOf` says of it.
   */
  dropOldest(sizeOf: (message: string, detail: Detail | undefined) => number): number {
    // A full block whose entries are all gone stays until there is a next one.
    if (slotIn(this.#head, this.first) === this.#head.length) this.#dropBlock();
    const block = this.#head;
    const slot = slotIn(block, this.first);
    const size = sizeOf(this.messageAt(block, slot), this.detailOf(this.noteAt(block, slot)));
    block[slot + MESSAGE] = undefined;
    block[slot + NOTE] = 0;
    this.first += 1;
    if (slot + COLUMNS === block.length) this.#dropBlock();
    return size;
  }

  /** Lets go of all entries for good: nothing is pushed or read any more. A cursor that stands on a block keeps none of them alive. */
  clear(): void {
    for (let block: Block | undefined = this.#head; block !== undefined;) {
      const next = blockAfter(block);
      block.length = 0;
      block = next;
    }
  }

  #dropBlock(): void {
    const next = blockAfter(this.#head);
    if (next === undefined) return;
    // A reader that stands on the dropped block must not keep all later ones alive through it.
    this.#head[NEXT] = undefined;
    this.#head = next;
  }

  /** The block that holds the position, which must be held or be the next one. */
  locate(position: number): Block {
    let block = position >= firstOf(this.#tail) ? this.#tail : this.#head;
    for (;;) {
      const next = blockAfter(block);
      if (next === undefined || firstOf(next) > position) return block;
      block = next;
    }
  }
}
