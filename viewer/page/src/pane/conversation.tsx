import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import type { JSX } from 'preact';

import type { BlockChange } from '../../../src/serve/protocol.ts';
import { blockIn } from '../blocks.ts';
import type { Conversation } from '../blocks.ts';
import { wholeCounted } from '../list/figures.ts';
import { readPlace } from '../list/found-places.ts';
import { Block } from './block.tsx';
import type { BlockProps } from './block.tsx';
import { markPlaces, textPlacesIn } from './found-text.ts';
import { deliveredPlace, Divider } from './dividers.tsx';
import { Scroller } from './scroller.ts';
import type { ScrollerHandlers } from './scroller.ts';
import { dayBetween } from './times.ts';
import { placesIn } from './window.ts';
import './conversation.css';

interface Props extends Pick<BlockProps, 'time' | 'startMillis' | 'select'>, Omit<ScrollerHandlers, 'draw'> {
  readonly conversation: Conversation;
  readonly selected: number;
  /** A text that was searched for, and the place to which that led, as the address has it; `''` for none. */
  readonly found: string;
  readonly place: string;
  /** Whether the session is live, or replayed. */
  readonly isLive: boolean;
  /** The newest entry that the collector is known to have. */
  readonly deliveredSeq: number | undefined;
  /** Entries that were dropped because of a bound. */
  readonly trimmed: number;
}

/** A session as a conversation: a window of its blocks. */
export function ConversationView(props: Props): JSX.Element {
  const { conversation, selected, time, startMillis, isLive, select } = props;
  const { blocks, hasOlder } = conversation;
  const unfolded = useRef(new Set<string>()).current;
  const scroller = useScroller(props);
  const [from, to] = placesIn(blocks, scroller.shown);
  useFoundText(scroller, props, from, to);
  const delivered = useMemo(() => deliveredPlace(blocks, props.deliveredSeq), [blocks, props.deliveredSeq]);
  const rows: JSX.Element[] = [];
  for (const [offset, block] of blocks.slice(from, to).entries()) {
    const at = from + offset;
    const day = dayBetween(blocks[at - 1]?.millis, block.millis);
    if (day !== undefined) rows.push(<Divider key={`day ${block.id}`} kind="day" text={day} />);
    if (at === delivered && at > 0) rows.push(<DeliveredDivider key="delivered" />);
    const isSelected = block.id === selected;
    const isWriting = isLive && block.isOpen && block.type === 'answer';
    rows.push(<Block key={block.id} {...{ block, time, startMillis, isWriting, select, unfolded, isSelected }} />);
  }
  if (to === blocks.length && delivered === to && to > 0) rows.push(<DeliveredDivider key="delivered" isAll />);
  return (
    <div class="conversation">
      {/* A log that announces nothing: a word for each token would drown all else. */}
      <div
        class="blocks"
        ref={(element) => {
          scroller.box = element;
        }}
        onScroll={scroller.onScroll}
        role="log"
        aria-live="off"
        aria-label="Conversation"
        tabIndex={0}
      >
        <div class="content">
          {from > 0 || hasOlder ? (
            <button type="button" class="older" onClick={scroller.showEarlier}>
              Show older
            </button>
          ) : (
            <TrimmedDivider count={props.trimmed} />
          )}
          {rows}
          {hasOlder || blocks.some(isSaid) ? null : <p class="note">Nothing has come yet that matches the filters.</p>}
        </div>
      </div>
      {scroller.isAtEnd ? null : (
        <button type="button" class="newest" onClick={scroller.toNewest}>
          Jump to newest
        </button>
      )}
    </div>
  );
}

/** Not a gap or an end, which no filter leaves out. */
function isSaid({ type }: BlockChange): boolean {
  return type !== 'gap' && type !== 'end';
}

function useScroller({ conversation, selected, found, place, loadOlder, reach }: Props): Scroller {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const handlers = { draw: () => draw(0), loadOlder, reach };
  const scroller = (useRef<Scroller | undefined>(undefined).current ??= new Scroller(handlers));
  scroller.handlers = handlers;
  scroller.prepare(conversation);
  useLayoutEffect(() => scroller.settle());
  useEffect(() => {
    if (selected !== 0) scroller.want({ block: selected, nth: 0 }, '');
  }, [selected]);
  useEffect(() => {
    if (place !== '' && found !== '') scroller.want(readPlace(place), found);
  }, [place, found]);
  useEffect(() => {
    const { box } = scroller;
    if (box === null) return undefined;
    // The end stays in sight when the box shrinks, for example because of a keyboard on the screen, and when the content grows: the
    // height of a block is an estimate until it has been in sight.
    const observer = new ResizeObserver(() => scroller.settle());
    for (const element of [box, ...box.children]) observer.observe(element);
    box.addEventListener('click', scroller.onClick, true);
    // This event does not bubble up to the box.
    box.addEventListener('toggle', scroller.onFold, true);
    return () => {
      observer.disconnect();
      box.removeEventListener('click', scroller.onClick, true);
      box.removeEventListener('toggle', scroller.onFold, true);
    };
  }, []);
  return scroller;
}

/** Marks the text that was searched for: in the block to which that led, and in the selected one. */
function useFoundText(scroller: Scroller, props: Props, from: number, to: number): void {
  const { conversation, selected, found, place } = props;
  const { block, nth } = readPlace(place);
  const [here, other] = [blockIn(conversation, block), blockIn(conversation, selected)];
  useLayoutEffect(() => {
    const placesOf = (id: number): Range[] => {
      const element = found === '' ? null : scroller.box?.querySelector(`[data-block="${id}"]`);
      return element === null || element === undefined ? [] : textPlacesIn(element, found);
    };
    const inHere = placesOf(block);
    const all = selected === block ? inHere : [...inHere, ...placesOf(selected)];
    return all.length === 0 ? undefined : markPlaces(all, inHere[nth]);
  }, [here, other, found, place, from, to]);
}

function DeliveredDivider({ isAll = false }: { readonly isAll?: boolean }): JSX.Element {
  return (
    <Divider
      kind="delivered"
      text={isAll ? 'The collector has everything' : 'The collector has everything up to here'}
    />
  );
}

function TrimmedDivider({ count }: { readonly count: number }): JSX.Element | null {
  if (count === 0) return null;
  const what = wholeCounted(count, 'older entry', 'older entries');
  return <Divider kind="gap" text={`The viewer has dropped ${what} because of its bounds`} />;
}
