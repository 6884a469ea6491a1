import type { StoredItem } from './stored-item.ts';

const FIRST_ITEMS = 32;
const MOST_ITEMS = 256;
const TARGET_CHARS = 256 * 1024;

/**
 * Decides how many items a cursor reads at once: few at first, more while pages are full, and about 256 Ki characters
 * at most.
 */
export class PageSize {
  next: number = FIRST_ITEMS;

  note(items: readonly StoredItem[]): void {
    if (items.length < this.next) return;
    let chars = 0;
    for (const { size } of items) chars += size;
    const fitting = Math.max(1, Math.floor((TARGET_CHARS / chars) * items.length));
    this.next = Math.min(MOST_ITEMS, this.next * 2, fitting);
  }
}
