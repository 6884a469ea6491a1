import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { BlockDetails } from './block-details.tsx';
import { ConversationView } from './conversation.tsx';
import { PageStore } from './page-store.ts';
import type { PageState } from './page-store.ts';
import { SessionList } from './session-list.tsx';
import './style.css';

const store = new PageStore();

function usePage(): PageState {
  const [state, setState] = useState(store.state);
  useEffect(() => store.subscribe(() => setState(store.state)), []);
  return state;
}

function Page(): JSX.Element {
  const { view, list, conversation, viewer, connection } = usePage();
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      search.current?.focus();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  const block = conversation?.blocks.get(view.block);
  return (
    <div class={`page${view.follow === '' ? '' : ' has-session'}${view.block === 0 ? '' : ' has-details'}`}>
      <nav aria-label="Sessions">
        <header>
          <h1>Sessions</h1>
          <Status state={{ viewer, connection }} />
        </header>
        <div class="filters">
          <input
            ref={search}
            type="search"
            placeholder="Id or service ( / )"
            aria-label="Filter by id or service"
            value={view.search}
            onInput={(event) => store.show({ search: event.currentTarget.value })}
          />
          <select
            aria-label="State"
            value={view.state}
            onChange={(event) => store.show({ state: event.currentTarget.value as typeof view.state })}
          >
            <option value="">all</option>
            <option value="live">live</option>
            <option value="ended">ended</option>
            <option value="failed">failed</option>
          </select>
          <select
            aria-label="Order"
            value={view.sort}
            onChange={(event) => store.show({ sort: event.currentTarget.value as typeof view.sort })}
          >
            <option value="newest">newest first</option>
            <option value="oldest">oldest first</option>
            <option value="active">last active first</option>
          </select>
        </div>
        <SessionList
          list={list}
          selected={view.follow}
          select={(follow) => store.show({ follow, block: 0 })}
          lookAt={(offset) => store.lookAt(offset)}
        />
      </nav>
      <main>
        {view.follow === '' ? (
          <p class="note">Choose a session.</p>
        ) : (
          <>
            <header>
              <button type="button" class="back" onClick={() => store.show({ follow: '', block: 0 })}>
                Sessions
              </button>
              <h2>{view.follow.slice(2)}</h2>
              <label>
                <input
                  type="checkbox"
                  checked={view.logType === 'all'}
                  onChange={(event) => store.show({ logType: event.currentTarget.checked ? 'all' : 'chat' })}
                />
                logs
              </label>
              <a href={`./api/export?session=${encodeURIComponent(view.follow)}`} download>
                OTLP JSON
              </a>
            </header>
            <ConversationView
              conversation={conversation}
              selected={view.block}
              select={(id) => store.show({ block: id })}
            />
          </>
        )}
      </main>
      {view.block === 0 ? null : (
        <BlockDetails
          session={view.follow}
          block={view.block}
          version={block?.isOpen === true ? 0 : (block?.seq ?? 0)}
          close={() => store.show({ block: 0 })}
        />
      )}
    </div>
  );
}

/** How the viewer is: what it holds, and what it does not any more. */
function Status({
  state: { viewer, connection },
}: {
  readonly state: Pick<PageState, 'viewer' | 'connection'>;
}): JSX.Element {
  if (connection === 'lost') {
    return (
      <p class="status warning" role="status">
        The viewer does not answer. Is it running? Trying again every second.
      </p>
    );
  }
  if (viewer === undefined) return <p class="status">Connecting.</p>;
  const { sessions, entries, rate, evicted, sources } = viewer;
  const notes = sources.flatMap((source) => source.notes.map((note) => `${source.name}: ${note}`));
  return (
    <div class="status" role="status">
      <p>
        {sessions.toLocaleString()} sessions, {entries.toLocaleString()} entries, {rate.toLocaleString()} a second
      </p>
      {evicted.entries > 0 ? (
        <p class="warning">
          The oldest {evicted.sessions.toLocaleString()} sessions went: {viewer.maxEntries.toLocaleString()} entries are
          held.
        </p>
      ) : null}
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </div>
  );
}

const place = document.getElementById('page');
if (place !== null) render(<Page />, place);
