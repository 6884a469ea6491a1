import { useEffect } from 'preact/hooks';

/** The keys of the page, as its help lists them. */
export const SHORTCUTS = {
  '/': 'Search',
  j: 'Next session',
  k: 'Previous session',
  n: 'Next place of the text that you search for',
  N: 'Previous place of the text that you search for',
  p: 'Pause or resume',
  Enter: 'Open the details of the block that the search led to, else of the newest',
  Escape: 'Close the details',
  '?': 'Show these keys',
} as const;

export type ShortcutKey = keyof typeof SHORTCUTS;

const WRITABLE = 'input, textarea, select, [contenteditable]';
const INTERACTIVE = 'a, button, summary, [role="slider"]';

/** Calls `run` for that key, but not while somebody types or holds a modifier, nor where an element uses the key itself. */
export function useShortcut(key: ShortcutKey, run: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== key || event.defaultPrevented || isTaken(event)) return;
      event.preventDefault();
      run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });
}

function isTaken({ ctrlKey, metaKey, altKey, key, target }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey) return true;
  // A dialog or a popover above the page gets all keys.
  if (document.querySelector('dialog[open], :popover-open') !== null) return true;
  if (!(target instanceof Element)) return false;
  return target.matches(WRITABLE) || (key === 'Enter' && target.closest(INTERACTIVE) !== null);
}
