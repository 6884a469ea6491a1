/** Columns of one entry, side by side. Three: a fourth costs a quarter more of what collections have to copy. */
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
const FIRST_SLOTS = 4 * COLUMNS;
const LAST_SLOTS = 64 * COLUMNS;
const EMPTY_SLOTS = new Map<number, unknown[]>();
for (let slots = FIRST_SLOTS; slots <= LAST_SLOTS; slots *= 2) {
  EMPTY_SLOTS.set(
    slots,
    Array.from({ length: slots }, (): unknown => undefined),
  );
}

/** A run of entries. Slots of entries that are gone are cleared, so what they held is free at once. */
export class Block {
  readonly slots: unknown[];
  /** Position of the entry in the first slots. */
  readonly first: number;
  next: Block | undefined = undefined;

  constructor(slots: number, first: number) {
    this.slots = (EMPTY_SLOTS.get(slots) as unknown[]).slice();
    this.first = first;
  }
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
  #slots: unknown[];
  #slot = 0;
  /** Position that the next entry gets. */
  next = 0;
  /** Position of the oldest entry held. */
  first = 0;
  readonly #baseSeconds: number;
  #head: Block;
  #tail: Block;

  /** @param timestamp Milliseconds: about when the entries will be. */
  constructor(timestamp: number) {
    this.#head = new Block(FIRST_SLOTS, 0);
    this.#tail = this.#head;
    this.#slots = this.#head.slots;
    this.#baseSeconds = Math.floor(timestamp / 1000);
  }

  get length(): number {
    return this.next - this.first;
  }

  push(message: string, detail: Detail | undefined, timestamp: number, sequence: number): void {
    if (this.#slot === this.#slots.length) this.#grow();
    const slots = this.#slots;
    const slot = this.#slot;
    const time = small(timestamp - this.#baseSeconds * 1000);
    slots[slot + MESSAGE] = message;
    slots[slot + NOTE] = detail === undefined ? time : { time, detail };
    slots[slot + SEQUENCE] = sequence;
    this.#slot = slot + COLUMNS;
    this.next += 1;
  }

  #grow(): void {
    const block = new Block(Math.min(2 * this.#slots.length, LAST_SLOTS), this.next);
    this.#tail.next = block;
    this.#tail = block;
    this.#slots = block.slots;
    this.#slot = 0;
  }

  messageAt(block: Block, slot: number): string {
    return block.slots[slot + MESSAGE] as string;
  }

  /** What stands beside the message; {@link detailOf} and {@link timestampOf} read it. */
  noteAt(block: Block, slot: number): RingNote<Detail> {
    return block.slots[slot + NOTE] as RingNote<Detail>;
  }

  detailOf(note: RingNote<Detail>): Detail | undefined {
    return typeof note === 'number' ? undefined : note.detail;
  }

  timestampOf(note: RingNote<Detail>): number {
    return this.#baseSeconds * 1000 + (typeof note === 'number' ? note : note.time);
  }

  sequenceAt(block: Block, slot: number): number {
    return block.slots[slot + SEQUENCE] as number;
  }

  /**
   * Drops the oldest entry; the ring must not be empty.
   *
   * @returns What `sizeOf` says of it.
   */
  dropOldest(sizeOf: (message: string, detail: Detail | undefined) => number): number {
    // A full block whose entries are all gone stays until there is a next one.
    if ((this.first - this.#head.first) * COLUMNS === this.#head.slots.length) this.#dropBlock();
    const { slots, first } = this.#head;
    const slot = (this.first - first) * COLUMNS;
    const size = sizeOf(slots[slot + MESSAGE] as string, this.detailOf(slots[slot + NOTE] as RingNote<Detail>));
    slots[slot + MESSAGE] = undefined;
    slots[slot + NOTE] = 0;
    this.first += 1;
    if (slot + COLUMNS === slots.length) this.#dropBlock();
    return size;
  }

  #dropBlock(): void {
    const head = this.#head;
    if (head.next === undefined) return;
    this.#head = head.next;
    // A reader that stands on the dropped block must not keep all later ones alive through it.
    head.next = undefined;
  }

  /** The block that holds the position, which must be held or be the next one. */
  locate(position: number): Block {
    let block = position >= this.#tail.first ? this.#tail : this.#head;
    while (block.next !== undefined && block.next.first <= position) block = block.next;
    return block;
  }
}

/** Where in the block the entry stands; equal to `block.slots.length` when the block ends before it. */
export function slotIn(block: Block, position: number): number {
  return (position - block.first) * COLUMNS;
}
