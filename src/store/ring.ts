/** Columns of one entry, side by side, the ones that every read needs first. */
const MESSAGE = 0;
const DETAIL = 1;
const TIME = 2;
const SEQUENCE = 3;
const COLUMNS = 4;

/** Entries of the first, second and every later block: a short session stays small, a long one costs few blocks. */
const BLOCK_ENTRIES = [4, 16, 64] as const;
const EMPTY_SLOTS = BLOCK_ENTRIES.map((entries) =>
  Array.from({ length: entries * COLUMNS }, () => undefined as unknown),
);

/** A run of entries. Slots of entries that are gone are cleared, so what they held is free at once. */
export class Block {
  readonly slots: unknown[];
  /** Position of the entry in the first slots. */
  readonly first: number;
  /** Times are kept relative to this one: small integers, where absolute times would be a heap object each. */
  readonly baseMillis: number;
  next: Block | undefined = undefined;

  constructor(slots: unknown[], first: number, baseMillis: number) {
    this.slots = slots;
    this.first = first;
    this.baseMillis = baseMillis;
  }

  message(slot: number): string {
    return this.slots[slot + MESSAGE] as string;
  }

  detail<Detail>(slot: number): Detail | undefined {
    return this.slots[slot + DETAIL] as Detail | undefined;
  }

  timestamp(slot: number): number {
    return this.baseMillis + (this.slots[slot + TIME] as number);
  }

  sequence(slot: number): number {
    return this.slots[slot + SEQUENCE] as number;
  }
}

/**
 * An append-only log of entries with contiguous positions, dropped from the oldest end: linked blocks of columns.
 *
 * Appending allocates once per block, an entry costs four slots, and reading on from a position is a few loads,
 * whatever the length. Positions never repeat; an entry keeps its position for as long as it is held.
 */
export class Ring<Detail> {
  /** Position of the oldest entry held. */
  first = 0;
  /** Position that the next entry gets. */
  next = 0;
  #head: Block;
  #tail: Block;
  #generation = 0;

  constructor(baseMillis: number) {
    this.#head = new Block((EMPTY_SLOTS[0] as unknown[]).slice(), 0, baseMillis);
    this.#tail = this.#head;
  }

  get length(): number {
    return this.next - this.first;
  }

  push(message: string, detail: Detail | undefined, timestamp: number, sequence: number): void {
    let tail = this.#tail;
    let slot = (this.next - tail.first) * COLUMNS;
    if (slot === tail.slots.length) {
      tail = this.#grow(timestamp);
      slot = 0;
    }
    const { slots } = tail;
    slots[slot + MESSAGE] = message;
    slots[slot + DETAIL] = detail;
    slots[slot + TIME] = timestamp - tail.baseMillis;
    slots[slot + SEQUENCE] = sequence;
    this.next += 1;
  }

  #grow(timestamp: number): Block {
    this.#generation = Math.min(this.#generation + 1, BLOCK_ENTRIES.length - 1);
    const block = new Block((EMPTY_SLOTS[this.#generation] as unknown[]).slice(), this.next, timestamp);
    this.#tail.next = block;
    this.#tail = block;
    return block;
  }

  /** The oldest entry, to be looked at before `dropOldest`. The ring must not be empty. */
  oldest(): { readonly message: string; readonly detail: Detail | undefined } {
    const slot = this.#oldestSlot();
    return { message: this.#head.message(slot), detail: this.#head.detail<Detail>(slot) };
  }

  dropOldest(): void {
    const slot = this.#oldestSlot();
    this.#head.slots[slot + MESSAGE] = undefined;
    this.#head.slots[slot + DETAIL] = undefined;
    this.first += 1;
    if (slot + COLUMNS === this.#head.slots.length) this.#dropBlock();
  }

  #oldestSlot(): number {
    // A full block whose entries are all gone stays until there is a next one.
    if ((this.first - this.#head.first) * COLUMNS === this.#head.slots.length) this.#dropBlock();
    return (this.first - this.#head.first) * COLUMNS;
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
