import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { SearchHit } from '../../../src/serve/protocol.ts';
import { listFilter } from '../list-filter.ts';
import { usePage, useStore } from '../use-page.ts';
import { counted, whole } from './figures.ts';
import { firstPlace, numberOf, placeAfter, readPlace, writePlace } from './found-places.ts';
import type { FoundPlace } from './found-places.ts';
import { useShortcut } from './keys.ts';
import './search-results.css';

/** How long after the last key the search begins. */
const TYPING_MILLIS = 200;
/** How often the search is repeated, for what has arrived. */
const AGAIN_MILLIS = 2_000;

interface Found {
  readonly text: string;
  readonly hits: readonly SearchHit[];
  readonly isComplete: boolean;
}

/** The sessions that contain a text, each with an excerpt around the first place of it. */
export function SearchResults(): JSX.Element {
  const store = useStore();
  const follow = usePage(({ view }) => view.follow);
  const found = useSearch();
  const hits = found?.hits ?? [];
  const place = readPlace(usePage(({ view }) => view.place));
  const show = (hit: SearchHit, isTyped: boolean, { block, nth } = firstPlace(hit)): void => {
    // Details that are open go along; others stay closed, since they may cover what was found.
    const details = store.state.view.block === 0 ? {} : { block };
    store.show({ follow: hit.key, place: writePlace({ block, nth }), replay: undefined, ...details }, isTyped);
  };
  const step = (by: number): void => {
    const at = hits.findIndex(({ key }) => key === store.state.view.follow);
    const hit = hits[at === -1 ? 0 : at + by];
    if (hit !== undefined) show(hit, true);
  };
  const chosen = hits.find(({ key }) => key === follow);
  const stepInSession = (by: 1 | -1): void => {
    if (chosen === undefined) return step(0);
    const { view } = store.state;
    // Without a place it goes on from the block that is chosen.
    const from = view.place === '' ? { block: view.block, nth: 0 } : readPlace(view.place);
    const next = placeAfter(chosen, from, by);
    if (next !== undefined) show(chosen, true, next);
  };
  useShortcut('j', () => step(1));
  useShortcut('k', () => step(-1));
  useShortcut('n', () => stepInSession(1));
  useShortcut('N', () => stepInSession(-1));
  if (found === undefined) return <p class="note">Searching…</p>;
  return (
    <div class="hits" tabIndex={-1}>
      <p class="note">{summaryOf(found)}</p>
      <ul aria-label="Sessions with this text">
        {hits.map((hit) => (
          <li key={hit.key}>
            <button type="button" class="choose" aria-current={hit.key === follow} onClick={() => show(hit, false)}>
              <span class="first">
                <span class="name">{hit.key.slice(2)}</span>{' '}
                <span class="count">{counted(hit.count, 'place', 'places')}</span>
              </span>
              <Excerpt excerpt={hit.excerpt} text={found.text} />
            </button>
            {hit === chosen && hit.count > 1 ? <Places hit={hit} place={place} step={stepInSession} /> : null}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface PlacesProps {
  readonly hit: SearchHit;
  /** The one that is shown. */
  readonly place: FoundPlace;
  readonly step: (by: 1 | -1) => void;
}

/** Which place of the chosen session is shown, with buttons for the others. */
function Places({ hit, place, step }: PlacesProps): JSX.Element {
  const number = numberOf(hit, place);
  return (
    <div class="places" role="group" aria-label="Places in this session">
      <button
        type="button"
        aria-label="Previous place"
        disabled={placeAfter(hit, place, -1) === undefined}
        onClick={() => step(-1)}
      >
        ‹
      </button>
      <span>
        {number === undefined ? '–' : whole(number)} of {whole(hit.count)}
      </span>
      <button
        type="button"
        aria-label="Next place"
        disabled={placeAfter(hit, place, 1) === undefined}
        onClick={() => step(1)}
      >
        ›
      </button>
    </div>
  );
}

function summaryOf({ hits, isComplete }: Found): string {
  if (!isComplete)
    return `The newest ${whole(hits.length)} sessions with this text. Type more or set a filter to find others.`;
  return hits.length === 0
    ? 'No session has this text.'
    : `${counted(hits.length, 'session has', 'sessions have')} this text.`;
}

function Excerpt({ excerpt, text }: { readonly excerpt: string; readonly text: string }): JSX.Element {
  const at = excerpt.toLowerCase().indexOf(text.toLowerCase());
  if (at === -1) return <span class="excerpt">{excerpt}</span>;
  const end = at + text.length;
  return (
    <span class="excerpt">
      {excerpt.slice(0, at)}
      <mark>{excerpt.slice(at, end)}</mark>
      {excerpt.slice(end)}
    </span>
  );
}

/** What was found last; `undefined` until the first search is done. */
function useSearch(): Found | undefined {
  const store = useStore();
  const view = usePage((state) => state.view);
  const [found, setFound] = useState<Found | undefined>(undefined);
  const told = useRef('');
  const { text, logType, severity } = view;
  const query = listFilter(view);
  query.set('q', text);
  query.set('logType', logType);
  query.set('severity', String(severity));
  const address = `./api/search?${query.toString()}`;
  useEffect(() => {
    const ending = new AbortController();
    let cursor = -1;
    let timer = setTimeout(look, TYPING_MILLIS);
    async function look(): Promise<void> {
      const { viewer, paused } = store.state;
      const begun = performance.now();
      if (cursor === -1 || (paused === undefined && viewer !== undefined && viewer.cursor !== cursor)) {
        cursor = viewer?.cursor ?? 0;
        const response = await fetch(address, { signal: ending.signal }).catch(() => undefined);
        if (ending.signal.aborted) return;
        // The page says elsewhere that the server does not answer.
        if (response?.ok === true) setFound({ text, ...((await response.json()) as Omit<Found, 'text'>) });
      }
      // A viewer that holds a lot is asked less often.
      if (!ending.signal.aborted) timer = setTimeout(look, Math.max(AGAIN_MILLIS, (performance.now() - begun) * 10));
    }
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [address]);
  useEffect(() => {
    if (found === undefined || told.current === found.text) return;
    told.current = found.text;
    store.announce(summaryOf(found));
  }, [found]);
  return found;
}
