import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';

import type { ListEvent } from '../../../src/serve/protocol.ts';
import type { View } from '../address.ts';
import { listFilter } from '../list-filter.ts';
import { useStore } from '../use-page.ts';
import { ROW_HEIGHT } from './row.tsx';

/** Rows drawn above and below those in sight. */
const OVERSCAN = 6;
/** While somebody scrolls, another window of rows is requested at most this often. */
const LOOK_MILLIS = 80;

export interface RowWindow {
  readonly first: number;
  readonly last: number;
  /** How many sessions came above the rows in sight. */
  readonly above: number;
  /** Scrolls just far enough to bring that row into sight. */
  readonly reveal: (place: number) => void;
  readonly onScroll: () => void;
}

/** Which rows of the list are in sight. Requests those that are missing, and keeps them in their places when others come above. */
export function useRowWindow(box: RefObject<HTMLDivElement | null>, list: ListEvent, view: View): RowWindow {
  const { sort } = view;
  const filter = listFilter(view).toString();
  const store = useStore();
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(800);
  const [above, setAbove] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const anchor = useRef<{ readonly key: string; readonly place: number } | undefined>(undefined);

  useEffect(() => {
    const watch = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 800));
    if (box.current !== null) watch.observe(box.current);
    return () => {
      watch.disconnect();
      clearTimeout(timer.current);
    };
  }, []);

  const shownFilter = useRef(filter);
  useLayoutEffect(() => {
    if (shownFilter.current === filter) return;
    shownFilter.current = filter;
    // It is another list, which one reads from its start.
    if (box.current !== null) box.current.scrollTop = 0;
    setTop(0);
    setAbove(0);
  }, [filter]);
  useEffect(() => {
    // The rows that came may be those of another place: of the one before a search, or from before the list was scrolled.
    store.lookAt(Math.floor((box.current?.scrollTop ?? 0) / ROW_HEIGHT));
  }, [list]);

  const inSight = Math.floor(top / ROW_HEIGHT);
  useLayoutEffect(() => {
    const { current } = box;
    const known = anchor.current;
    const at = known === undefined ? -1 : list.rows.findIndex((row) => row.key === known.key);
    // At the top new rows push in visibly; in the order of last activity no row has a place to keep.
    if (current === null || known === undefined || at === -1 || current.scrollTop === 0 || sort === 'active') return;
    const shift = list.offset + at - known.place;
    if (shift === 0) return;
    current.scrollTop += shift * ROW_HEIGHT;
    setTop(current.scrollTop);
    setAbove((count) => Math.max(0, count + shift));
  }, [list]);
  useLayoutEffect(() => {
    const place = Math.floor((box.current?.scrollTop ?? 0) / ROW_HEIGHT);
    const row = list.rows[place - list.offset];
    anchor.current = row === undefined ? undefined : { key: row.key, place };
  });

  const onScroll = (): void => {
    const { scrollTop } = box.current ?? { scrollTop: 0 };
    setTop(scrollTop);
    if (scrollTop < ROW_HEIGHT) setAbove(0);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      store.lookAt(Math.floor((box.current?.scrollTop ?? 0) / ROW_HEIGHT));
    }, LOOK_MILLIS);
  };
  const reveal = (place: number): void => {
    const { current } = box;
    if (current === null) return;
    const [start, end] = [place * ROW_HEIGHT, (place + 1) * ROW_HEIGHT];
    if (start < current.scrollTop) current.scrollTop = start;
    else if (end > current.scrollTop + current.clientHeight) current.scrollTop = end - current.clientHeight;
  };
  return {
    first: Math.max(0, inSight - OVERSCAN),
    above: sort === 'newest' ? above : 0,
    last: inSight + Math.ceil(height / ROW_HEIGHT) + OVERSCAN,
    reveal,
    onScroll,
  };
}
