/** The names under which the style sheet marks what was found, and the place of it that is shown. */
const FOUND = 'found';
const FOUND_HERE = 'found-here';
/** A place that is brought into sight is so far from the edges, where there is more. */
const EDGE_PIXELS = 60;
/** Most places that are marked in one block. */
const MAX_PLACES = 1_000;

/** Where the element has the text, whatever its case. A place never spans two texts, such as a reasoning and an answer. */
export function textPlacesIn(element: Element, wanted: string): Range[] {
  const places: Range[] = [];
  const sought = wanted.toLowerCase();
  for (const text of element.querySelectorAll('.text, .exception')) {
    const nodes = textNodes(text);
    const whole = nodes.map(({ data }) => data).join('');
    // In lower case the letter İ has two characters, after which every place would be a wrong one.
    const lower = whole.replaceAll('İ', 'I').toLowerCase();
    for (let at = lower.indexOf(sought); at !== -1; at = lower.indexOf(sought, at + 1)) {
      if (places.length === MAX_PLACES) return places;
      places.push(rangeIn(nodes, at, at + wanted.length));
    }
  }
  return places;
}

/**
 * Marks these places, and one of them as the one that is shown, without changing the document. Older browsers mark nothing.
 *
 * @returns Removes the marks, unless others have taken their place.
 */
export function markPlaces(places: readonly Range[], here: Range | undefined): () => void {
  // Absent in browsers from before 2025.
  const highlights = (globalThis.CSS as Partial<typeof CSS>).highlights;
  if (highlights === undefined) return () => {};
  const [all, one] = [new Highlight(...places), new Highlight(...(here === undefined ? [] : [here]))];
  one.priority = 1;
  highlights.set(FOUND, all).set(FOUND_HERE, one);
  return () => {
    if (highlights.get(FOUND) !== all) return;
    highlights.delete(FOUND);
    highlights.delete(FOUND_HERE);
  };
}

/** Unfolds what hides the place, and scrolls the box until the place is in sight. */
export function bringIntoSight(box: Element, place: Range): void {
  const element = place.startContainer.parentElement;
  const fold = element?.closest('details');
  if (fold !== undefined && fold !== null) fold.open = true;
  element?.scrollIntoView({ block: 'nearest' });
  const [outer, inner] = [box.getBoundingClientRect(), place.getBoundingClientRect()];
  // At an edge one would see nothing around it.
  if (inner.top < outer.top + EDGE_PIXELS || inner.bottom > outer.bottom - EDGE_PIXELS) {
    box.scrollTop += inner.top - (outer.top + outer.bottom) / 2;
  }
}

function textNodes(element: Element): Text[] {
  const nodes: Text[] = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() !== null) nodes.push(walker.currentNode as Text);
  return nodes;
}

function rangeIn(nodes: readonly Text[], from: number, to: number): Range {
  const range = document.createRange();
  let start = 0;
  for (const node of nodes) {
    const end = start + node.length;
    if (from >= start && from < end) range.setStart(node, from - start);
    if (to > start && to <= end) range.setEnd(node, to - start);
    start = end;
  }
  return range;
}
