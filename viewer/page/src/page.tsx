import { useEffect } from 'preact/hooks';
import type { JSX } from 'preact';

import { panesOf } from './address.ts';
import { blockIn } from './blocks.ts';
import { BlockDetails } from './details/block-details.tsx';
import { useKeptFocus } from './focus.ts';
import { whole } from './list/figures.ts';
import { readPlace } from './list/found-places.ts';
import { Filters } from './list/filters.tsx';
import { SearchResults } from './list/search-results.tsx';
import { useShortcut } from './list/keys.ts';
import { SessionList } from './list/session-list.tsx';
import { StatusBar } from './list/status.tsx';
import { Welcome } from './list/welcome.tsx';
import { Pane } from './pane/pane.tsx';
import { usePage, useStore } from './use-page.ts';
import './page.css';

/** The layout: sessions, the chosen ones side by side, a block in full, and the state of the viewer. */
export function Page(): JSX.Element {
  const view = usePage((state) => state.view);
  const panes = panesOf(view);
  const isEmpty = usePage(({ list }) => list?.total === 0);
  const store = useStore();
  useShortcut('Escape', () => store.show({ block: 0 }));
  useShortcut('Enter', () => {
    const { conversations, played } = store.state;
    const newest = (played ?? conversations.get(view.follow))?.blocks.at(-1)?.id ?? 0;
    if (view.block === 0 && newest !== 0) store.show({ block: readPlace(view.place).block || newest });
  });
  useKeptFocus();
  useEffect(() => {
    document.title = view.follow === '' ? 'Sessions' : `${view.follow.slice(2)} · Sessions`;
  }, [view.follow]);
  const classes = [
    'page',
    panes.length > 0 ? 'has-session' : isEmpty ? 'is-empty' : '',
    view.block === 0 ? '' : 'has-details',
  ];
  return (
    <div class={classes.join(' ')}>
      <nav aria-label="Sessions">
        <header>
          <h2>Sessions</h2>
          <Matching />
        </header>
        <Filters />
        {view.text === '' ? <SessionList /> : <SearchResults />}
      </nav>
      <main class="panes">
        <h1 class="hidden">Session logs</h1>
        {panes.length === 0 ? <Welcome /> : null}
        {panes.map((key) => (
          <Pane key={key} session={key} />
        ))}
      </main>
      {view.block === 0 || view.follow === '' ? null : <ChosenBlock session={view.follow} block={view.block} />}
      <StatusBar />
      <Announcer />
    </div>
  );
}

function Matching(): JSX.Element | null {
  const list = usePage((state) => state.list);
  if (list === undefined || list.total === 0) return null;
  const { matching, total } = list;
  return <p class="matching">{matching === total ? whole(total) : `${whole(matching)} of ${whole(total)}`}</p>;
}

/** Tells people who do not see the page what happens, but not each token. */
function Announcer(): JSX.Element {
  const { text, count } = usePage((state) => state.announcement);
  return (
    <p class="hidden" role="status">
      <span key={count}>{text}</span>
    </p>
  );
}

function ChosenBlock({ session, block }: { readonly session: string; readonly block: number }): JSX.Element {
  const store = useStore();
  const isReplay = usePage(({ played }) => played !== undefined);
  const chosen = usePage(({ conversations, played }) => blockIn(played ?? conversations.get(session), block));
  const traceLink = usePage(({ viewer }) => viewer?.traceLink);
  return (
    <BlockDetails
      session={session}
      block={block}
      version={chosen?.seq ?? 0}
      isReplay={isReplay}
      played={isReplay ? chosen : undefined}
      traceLink={traceLink}
      close={() => store.show({ block: 0 })}
    />
  );
}
