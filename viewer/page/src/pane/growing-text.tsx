import { useLayoutEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';

/** A stretch of this length ends at the next line end, so that the browser lays out new text with the last stretch alone. */
const STRETCH_CHARS = 2_000;

/** Without a line end, a stretch of this length ends where the text is wrapped. */
const LONGEST_STRETCH = 4_000;

/** A text that grows at its end. New text is appended to the last text node; what is there already is not touched. */
export function GrowingText({ text, kind = '' }: { readonly text: string; readonly kind?: string }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef('');
  useLayoutEffect(() => {
    const box = place.current;
    if (box === null || text === shown.current) return;
    // In a replay, a text can become shorter.
    if (!text.startsWith(shown.current)) {
      box.replaceChildren();
      shown.current = '';
    }
    append(box, text.slice(shown.current.length));
    shown.current = text;
  }, [text]);
  return <div class={`text ${kind}`} ref={place} />;
}

function append(box: HTMLElement, text: string): void {
  for (let from = 0; from < text.length;) {
    endLongStretch(box);
    const room = STRETCH_CHARS - lengthOf(box.lastElementChild);
    const end = text.indexOf('\n', from + Math.max(0, room));
    const to = end === -1 ? text.length : end + 1;
    stretchIn(box).appendData(text.slice(from, to));
    if (end !== -1) box.append(document.createElement('div'));
    from = to;
  }
}

function lengthOf(stretch: Element | null): number {
  return stretch?.firstChild instanceof Text ? stretch.firstChild.length : 0;
}

/** Ends a long stretch without line ends before the line that is being written. The text is wrapped there already. */
function endLongStretch(box: HTMLElement): void {
  const text = box.lastElementChild?.firstChild;
  if (!(text instanceof Text) || text.length <= LONGEST_STRETCH) return;
  const line = lastLineOf(text);
  if (line > 0) box.appendChild(document.createElement('div')).append(text.splitText(line));
}

/** The index at which the last line of the text begins on the screen; 0 if the text is not on the screen. */
function lastLineOf(text: Text): number {
  const range = document.createRange();
  const topAt = (at: number): number => {
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    return range.getBoundingClientRect().top;
  };
  const last = topAt(text.length - 1);
  let [low, high] = [0, text.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (topAt(middle) < last) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The text node of the last stretch. */
function stretchIn(box: HTMLElement): Text {
  const stretch = box.lastElementChild ?? box.appendChild(document.createElement('div'));
  return stretch.firstChild instanceof Text ? stretch.firstChild : stretch.appendChild(document.createTextNode(''));
}
