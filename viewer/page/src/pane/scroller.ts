import { blockIn } from '../blocks.ts';
import type { Conversation } from '../blocks.ts';
import type { FoundPlace } from '../list/found-places.ts';
import { bringIntoSight, textPlacesIn } from './found-text.ts';
import { keepPlace, placeNow } from './place.ts';
import type { Place } from './place.ts';
import { earlierWindow, grownWindow, laterWindow, newestWindow, placesIn, windowAround } from './window.ts';
import type { ShownWindow } from './window.ts';

export interface ScrollerHandlers {
  /** Draws the document again. */
  draw(): void;
  loadOlder(): Promise<void>;
  /** Loads older blocks until this one is there. */
  reach(block: number): Promise<unknown>;
}

/** The end counts as in sight up to this distance from it. */
const END_PIXELS = 40;
/** More blocks are put into the document at this distance from its edge. */
const EDGE_PIXELS = 1_200;

/**
 * Decides which blocks of a conversation are in the document, and where it is scrolled to: to the end while that is in sight, and
 * otherwise where it was, whatever comes above or below.
 */
export class Scroller {
  box: HTMLDivElement | null = null;
  shown: ShownWindow = { first: 0, last: undefined };
  isAtEnd = true;
  handlers: ScrollerHandlers;
  #conversation: Conversation | undefined;
  #top = 0;
  /** The first block of the document as it was last drawn. */
  #first = 0;
  #place: Place | undefined;
  /** Whether older blocks are being loaded, to be shown above. */
  #isEarlierDue = false;
  /** A block to be brought into sight, 0 for none. */
  #wanted = 0;
  /** A text in that block to be brought into sight, `''` for none. */
  #wantedText = '';
  #wantedNth = 0;
  /** Something is being unfolded: the document grows, but nothing new has come at its end. */
  #isUnfolding = false;

  constructor(handlers: ScrollerHandlers) {
    this.handlers = handlers;
  }

  /** Call it before the document changes. */
  prepare(conversation: Conversation): void {
    const { blocks } = conversation;
    const isOther = (blocks[0]?.id ?? 0) > this.shown.first || (blocks.at(-1)?.id ?? 0) < this.shown.first;
    this.#conversation = conversation;
    // The conversation came from its start, or lost what was shown.
    if (isOther) this.shown = newestWindow(blocks);
    this.shown = grownWindow(blocks, this.shown, this.isAtEnd);
    if (this.#isEarlierDue && placesIn(blocks, this.shown)[0] > 0) {
      this.#isEarlierDue = false;
      this.shown = earlierWindow(blocks, this.shown);
    }
    this.#place = this.#first === this.shown.first || this.isAtEnd ? undefined : placeNow(this.box);
  }

  /** Call it after the document has changed. */
  settle(): void {
    const { box } = this;
    if (box === null) return;
    this.#first = this.shown.first;
    if (this.isAtEnd && !this.#isUnfolding) box.scrollTop = box.scrollHeight;
    else if (this.#place !== undefined) keepPlace(box, this.#place);
    this.#place = undefined;
    this.#top = box.scrollTop;
    this.#bringWanted();
  }

  readonly onScroll = (): void => {
    const { box } = this;
    if (box === null) return;
    const below = box.scrollHeight - box.clientHeight - box.scrollTop;
    const wasAtEnd = this.isAtEnd;
    if (below < END_PIXELS) this.isAtEnd = this.shown.last === undefined;
    // Only a person scrolls up. The end can also be farther away because more came.
    else if (box.scrollTop < this.#top) this.isAtEnd = false;
    this.#top = box.scrollTop;
    if (box.scrollTop < EDGE_PIXELS && !this.isAtEnd) this.showEarlier();
    if (below < EDGE_PIXELS) this.#show(laterWindow(this.#blocks, this.shown));
    if (wasAtEnd !== this.isAtEnd) this.handlers.draw();
  };

  readonly onClick = ({ target }: Event): void => {
    if (target instanceof Element && target.closest('summary') !== null) this.#isUnfolding = true;
  };

  /** Unfolding may push the end out of sight, and then the document must not be scrolled to it. */
  readonly onFold = (): void => {
    const { box } = this;
    this.#isUnfolding = false;
    if (box === null || box.scrollHeight - box.clientHeight - box.scrollTop < END_PIXELS || !this.isAtEnd) return;
    this.isAtEnd = false;
    this.handlers.draw();
  };

  readonly toNewest = (): void => {
    this.#isEarlierDue = false;
    this.isAtEnd = true;
    this.shown = newestWindow(this.#blocks);
    this.handlers.draw();
  };

  readonly showEarlier = (): void => {
    this.isAtEnd = false;
    const next = earlierWindow(this.#blocks, this.shown);
    if (next !== this.shown) return this.#show(next);
    if (this.#conversation?.hasOlder !== true) return;
    this.#isEarlierDue = true;
    void this.handlers.loadOlder();
  };

  /** Brings a block, and one of the places of a text in it, into sight as soon as it is there. */
  want({ block, nth }: FoundPlace, text: string): void {
    this.#wanted = block;
    this.#wantedText = text;
    this.#wantedNth = nth;
    this.#bringWanted();
  }

  #bringWanted(): void {
    const [{ box }, wanted] = [this, this.#wanted];
    if (wanted === 0 || box === null || this.#blocks.length === 0) return;
    if (blockIn(this.#conversation, wanted) === undefined) {
      if (this.#conversation?.hasOlder === true) void this.handlers.reach(wanted);
      return;
    }
    const [from, to] = placesIn(this.#blocks, this.shown);
    if (!this.#blocks.slice(from, to).some(({ id }) => id === wanted)) {
      this.isAtEnd = false;
      this.#show(windowAround(this.#blocks, wanted));
      return;
    }
    this.#wanted = 0;
    const block = box.querySelector(`[data-block="${wanted}"]`);
    if (block === null) return;
    const places = this.#wantedText === '' ? [] : textPlacesIn(block, this.#wantedText);
    const place = places[this.#wantedNth] ?? places.at(-1);
    if (isInSight(box, place ?? block)) return;
    this.isAtEnd = false;
    // Its beginning: how high it is, nobody knows before it has been in sight.
    if (place === undefined) block.scrollIntoView({ block: 'start' });
    else bringIntoSight(box, place);
    this.#top = box.scrollTop;
    this.handlers.draw();
  }

  get #blocks(): Conversation['blocks'] {
    return this.#conversation?.blocks ?? [];
  }

  #show(next: ShownWindow): void {
    if (next.first === this.shown.first && next.last === this.shown.last) return;
    this.shown = next;
    this.handlers.draw();
  }
}

function isInSight(box: Element, part: Element | Range): boolean {
  const [outer, inner] = [box.getBoundingClientRect(), part.getBoundingClientRect()];
  // What is folded has no height.
  return inner.height > 0 && inner.top < outer.bottom && inner.bottom > outer.top;
}
