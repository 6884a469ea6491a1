import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { ListEvent, SessionRow } from '../../../src/serve/protocol.ts';
import { MAX_PANES } from '../address.ts';
import { usePage, useStore } from '../use-page.ts';
import { ageText, clockText, whole } from './figures.ts';
import { useShortcut } from './keys.ts';
import { Row, ROW_HEIGHT } from './row.tsx';
import { useRowWindow } from './row-window.ts';
import './session-list.css';

/** The sessions, or why there are none. */
export function SessionList(): JSX.Element {
  const list = usePage((state) => state.list);
  if (list === undefined) return <p class="note">Waiting for the viewer…</p>;
  if (list.total === 0) return <p class="note">Sessions appear here as they begin.</p>;
  if (list.matching === 0) return <NoMatch total={list.total} />;
  return <Rows list={list} />;
}

function NoMatch({ total }: { readonly total: number }): JSX.Element {
  const store = useStore();
  return (
    <div class="note">
      <p>None of the {whole(total)} sessions matches.</p>
      <button type="button" onClick={() => store.show({ search: '', states: [], kinds: [], source: undefined })}>
        Show all
      </button>
    </div>
  );
}

/** Draws only the rows in sight: a list of 10,000 costs as much as one screen of it. */
function Rows({ list }: { readonly list: ListEvent }): JSX.Element {
  const store = useStore();
  const view = usePage((state) => state.view);
  const now = usePage(({ viewer }) => viewer?.nowMillis ?? 0);
  const box = useRef<HTMLDivElement>(null);
  const [tabKey, setTabKey] = useState('');
  /** A row that is to be chosen or focused once it is there. */
  const wanted = useRef<{ readonly place: number; readonly isChosen: boolean } | undefined>(undefined);
  const { first, last, above, reveal, onScroll } = useRowWindow(box, list, view);

  const rowAt = (place: number): SessionRow | undefined => list.rows[place - list.offset];
  const choose = (follow: string, isTyped: boolean): void =>
    store.show({ follow, block: 0, replay: undefined }, isTyped);
  // The same functions each time, so that a row whose session has not changed is not drawn again.
  const click = useCallback((key: string): void => choose(key, false), []);
  const pin = useCallback((key: string): void => {
    const { pins } = store.state.view;
    store.show({ pins: pins.includes(key) ? pins.filter((each) => each !== key) : [...pins, key] });
  }, []);
  const goTo = (place: number, isChosen: boolean): void => {
    const inside = Math.min(Math.max(place, 0), list.matching - 1);
    wanted.current = { place: inside, isChosen };
    reveal(inside);
    settle();
  };
  const settle = (): void => {
    const row = wanted.current === undefined ? undefined : rowAt(wanted.current.place);
    if (wanted.current === undefined || row === undefined) return;
    const { place, isChosen } = wanted.current;
    if (isChosen) choose(row.key, true);
    else {
      const button = box.current?.querySelector<HTMLElement>(`[data-place="${place}"] .choose`);
      if (button === null || button === undefined) return;
      button.focus({ preventScroll: true });
    }
    wanted.current = undefined;
  };
  useLayoutEffect(settle);

  const step = (by: number): void => {
    // Keys come faster than frames.
    const at = wanted.current?.place ?? placeOf(list, store.state.view.follow);
    goTo(at === undefined ? first + (by > 0 ? 0 : -1) : at + by, true);
  };
  useShortcut('j', () => step(1));
  useShortcut('k', () => step(-1));
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = Number((event.target as Element).closest<HTMLElement>('[data-place]')?.dataset['place']);
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
    const places: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: list.matching - 1,
    };
    const place = places[event.key];
    if (place === undefined || Number.isNaN(place)) return;
    event.preventDefault();
    goTo(place, false);
  };

  const places = Array.from(
    { length: Math.max(0, Math.min(last, list.matching - 1) - first + 1) },
    (_, at) => first + at,
  );
  // The row that has the focus stays, also where others have pushed it out of sight.
  const focused = placeOf(list, tabKey);
  if (focused !== undefined && !places.includes(focused)) places.push(focused);
  const shown = places.map((place) => ({ place, row: rowAt(place) }));
  const tab =
    [tabKey, view.follow].find((key) => shown.some(({ row }) => row?.key === key)) ??
    shown.find(({ row }) => row)?.row?.key;
  return (
    <div class="rows" ref={box} onScroll={onScroll}>
      {above === 0 ? null : (
        <button type="button" class="above" onClick={() => reveal(0)}>
          {whole(above)} new
        </button>
      )}
      <ul
        style={{ height: `${list.matching * ROW_HEIGHT}px` }}
        aria-label={`${whole(list.matching)} sessions`}
        onKeyDown={onKeyDown}
        onFocusIn={(event) => {
          const place = (event.target as Element).closest<HTMLElement>('[data-place]')?.dataset['place'];
          setTabKey(rowAt(Number(place))?.key ?? '');
        }}
      >
        {shown.map(({ place, row }) =>
          row === undefined ? null : (
            <Row
              key={row.key}
              row={row}
              place={place}
              of={list.matching}
              when={view.time === 'relative' ? ageText(row.activeMillis, now) : clockText(row.activeMillis, now)}
              isChosen={row.key === view.follow}
              isPinned={view.pins.includes(row.key)}
              canPin={view.pins.length < MAX_PANES - 1}
              hasTab={row.key === tab}
              choose={click}
              pin={pin}
            />
          ),
        )}
      </ul>
    </div>
  );
}

function placeOf(list: ListEvent, key: string): number | undefined {
  const at = list.rows.findIndex((row) => row.key === key);
  return at === -1 ? undefined : list.offset + at;
}
