/** A block, and how many pixels below the upper edge it is. */
export interface Place {
  readonly block: string;
  readonly top: number;
}

/** The first block in sight, before the document is changed. */
export function placeNow(box: HTMLElement | null): Place | undefined {
  if (box === null) return undefined;
  const edge = box.getBoundingClientRect().top;
  for (const element of box.querySelectorAll<HTMLElement>('[data-block]')) {
    const { top, bottom } = element.getBoundingClientRect();
    if (bottom > edge) return { block: element.dataset['block'] ?? '', top: top - edge };
  }
  return undefined;
}

/** Scrolls so that the block is where it was, unless the browser has done so. */
export function keepPlace(box: HTMLElement, { block, top }: Place): void {
  const element = box.querySelector(`[data-block="${CSS.escape(block)}"]`);
  if (element === null) return;
  const moved = element.getBoundingClientRect().top - box.getBoundingClientRect().top - top;
  if (moved !== 0) box.scrollTop += moved;
}
