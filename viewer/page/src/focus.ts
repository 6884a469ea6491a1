import { useEffect, useLayoutEffect } from 'preact/hooks';
import type { RefObject } from 'preact';

/** The element that had the focus last, and those around it, from the inside out. */
let trail: readonly HTMLElement[] = [];
/** Whether a key was the last that the page was worked with. */
let isByKey = false;

window.addEventListener('keydown', () => (isByKey = true), true);
window.addEventListener('pointerdown', () => (isByKey = false), true);
window.addEventListener('focusin', ({ target }) => {
  const found: HTMLElement[] = [];
  for (let each = target as HTMLElement | null; each !== null; each = each.parentElement) found.push(each);
  trail = found;
});

/** Gives the focus a place nearby when the element that had it is gone after a draw; else one would start at the top again. */
export function useKeptFocus(): void {
  useLayoutEffect(() => {
    if (document.activeElement !== document.body || trail[0]?.isConnected !== false) return;
    const block = trail.find((each) => each.matches('.details'))?.dataset['of'];
    const around = trail.find((each) => each.isConnected);
    homeIn(around?.closest<HTMLElement>('.pane, .status, nav'), block)?.focus({ preventScroll: true });
  });
}

/** @param block The one whose details are gone. */
function homeIn(region: HTMLElement | null | undefined, block: string | undefined): HTMLElement | null {
  if (region?.matches('.status') === true) return region.querySelector('button');
  const pane = region ?? document.querySelector<HTMLElement>('.pane.chosen');
  if (pane === null || pane.tagName === 'NAV') {
    return document.querySelector('.row .choose[tabindex="0"], .hits .choose');
  }
  return pane.querySelector<HTMLElement>(`[data-block="${block ?? ''}"] button`) ?? pane.querySelector('.blocks');
}

/** Gives the focus to an element that appears where somebody works with keys alone. @param what What it shows; it may change. */
export function useFocusByKey(element: RefObject<HTMLElement | null>, what: string): void {
  useEffect(() => {
    const { activeElement } = document;
    const isFree = activeElement === document.body || activeElement?.closest('.blocks') !== null;
    if (isByKey && isFree) element.current?.focus({ preventScroll: true });
  }, [what]);
}
