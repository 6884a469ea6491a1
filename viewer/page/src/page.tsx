import type { JSX } from 'preact';

import { panesOf } from './address.ts';
import { BlockDetails } from './details/block-details.tsx';
import { Filters } from './list/filters.tsx';
import { SessionList } from './list/session-list.tsx';
import { StatusBar } from './list/status.tsx';
import { Welcome } from './list/welcome.tsx';
import { Pane } from './pane/pane.tsx';
import { usePage, useStore } from './use-page.ts';

/** The layout: sessions, the chosen ones side by side, a block in full, and how the viewer is. */
export function Page(): JSX.Element {
  const view = usePage((state) => state.view);
  const panes = panesOf(view);
  const isEmpty = usePage(({ list }) => list?.total === 0);
  const classes = [
    'page',
    panes.length > 0 ? 'has-session' : isEmpty ? 'is-empty' : '',
    view.block === 0 ? '' : 'has-details',
  ];
  return (
    <div class={classes.join(' ')}>
      <nav aria-label="Sessions">
        <header>
          <h1>Sessions</h1>
        </header>
        <Filters />
        <SessionList />
      </nav>
      <main class="panes">
        {panes.length === 0 ? <Welcome /> : null}
        {panes.map((key) => (
          <Pane key={key} session={key} />
        ))}
      </main>
      {view.block === 0 || view.follow === '' ? null : <ChosenBlock session={view.follow} block={view.block} />}
      <StatusBar />
    </div>
  );
}

function ChosenBlock({ session, block }: { readonly session: string; readonly block: number }): JSX.Element {
  const store = useStore();
  const chosen = usePage(({ conversations }) => conversations.get(session)?.blocks.get(block));
  const traceLink = usePage(({ viewer }) => viewer?.traceLink);
  return (
    <BlockDetails
      session={session}
      block={block}
      version={chosen?.isOpen === true ? 0 : (chosen?.seq ?? 0)}
      traceLink={traceLink}
      close={() => store.show({ block: 0 })}
    />
  );
}
