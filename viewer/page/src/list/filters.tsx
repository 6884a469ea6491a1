import { useRef } from 'preact/hooks';
import type { JSX } from 'preact';

import { KINDS, MAX_SEARCH, SORTS, STATES } from '../address.ts';
import type { View } from '../address.ts';
import { usePage, useStore } from '../use-page.ts';
import { useShortcut } from './keys.ts';
import './filters.css';

const SORT_NAMES: Readonly<Record<View['sort'], string>> = {
  newest: 'Newest',
  oldest: 'Oldest',
  active: 'Last active',
};
const KIND_NAMES: Readonly<Record<View['kinds'][number], string>> = {
  session: 'Sessions',
  service: 'Services',
  output: 'Program output',
};

/** What the list shows, and in what order. */
export function Filters(): JSX.Element {
  const store = useStore();
  const view = usePage((state) => state.view);
  const sources = usePage(({ viewer }) => viewer?.sources);
  const search = useRef<HTMLInputElement>(null);
  useShortcut('/', () => search.current?.focus());
  const toggle = (state: View['states'][number]): void => {
    const { states } = view;
    const chosen = states.includes(state) ? states.filter((each) => each !== state) : [...states, state];
    store.show({ states: chosen.length === STATES.length ? [] : chosen });
  };
  return (
    <search class="filters">
      <input
        ref={search}
        type="search"
        placeholder="Id or service"
        aria-label="Search by id or service"
        aria-keyshortcuts="/"
        maxLength={MAX_SEARCH}
        value={view.search}
        onInput={(event) => store.show({ search: event.currentTarget.value })}
      />
      <input
        type="search"
        placeholder="Text"
        aria-label="Search the text of sessions"
        maxLength={MAX_SEARCH}
        value={view.text}
        onInput={(event) => store.show({ text: event.currentTarget.value, place: '' })}
      />
      <div class="choices" role="group" aria-label="State">
        {STATES.map((state) => (
          <button key={state} type="button" aria-pressed={view.states.includes(state)} onClick={() => toggle(state)}>
            {state}
          </button>
        ))}
      </div>
      <select
        aria-label="Order"
        value={view.sort}
        onChange={(event) => store.show({ sort: event.currentTarget.value as View['sort'] })}
      >
        {SORTS.map((sort) => (
          <option key={sort} value={sort}>
            {SORT_NAMES[sort]}
          </option>
        ))}
      </select>
      <select
        aria-label="Kind"
        value={view.kinds[0] ?? ''}
        onChange={({ currentTarget: { value } }) => store.show({ kinds: KINDS.filter((kind) => kind === value) })}
      >
        <option value="">All kinds</option>
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {KIND_NAMES[kind]}
          </option>
        ))}
      </select>
      <select
        aria-label="Source"
        value={view.source === undefined ? '' : String(view.source)}
        onChange={({ currentTarget: { value } }) => store.show({ source: value === '' ? undefined : Number(value) })}
      >
        <option value="">All sources</option>
        {sources?.map(({ id, name }) => (
          <option key={id} value={String(id)}>
            {name}
          </option>
        ))}
      </select>
    </search>
  );
}
