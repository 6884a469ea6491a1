import type { JSX } from 'preact';

import { usePage, useStore } from '../use-page.ts';
import { MAX_PANES } from '../address.ts';
import { ConversationView } from './conversation.tsx';

/** A session: its name and what can be done with it, over its conversation. */
export function Pane({ session }: { readonly session: string }): JSX.Element {
  const store = useStore();
  const view = usePage((state) => state.view);
  const conversation = usePage(({ conversations }) => conversations.get(session));
  const isChosen = view.follow === session;
  const isPinned = view.pins.includes(session);
  const pin = (): void => {
    store.show({ pins: isPinned ? view.pins.filter((key) => key !== session) : [...view.pins, session] });
  };
  const close = (): void => {
    const pins = view.pins.filter((key) => key !== session);
    store.show({ pins, ...(isChosen ? { follow: pins.at(-1) ?? '', block: 0, replay: undefined } : {}) });
  };
  return (
    <section class={isChosen ? 'pane chosen' : 'pane'} aria-label={session.slice(2)}>
      <header>
        <button type="button" class="back" onClick={() => store.show({ follow: '', pins: [], block: 0 })}>
          Sessions
        </button>
        <h2>{session.slice(2)}</h2>
        <label>
          <input
            type="checkbox"
            checked={view.logType === 'all'}
            onChange={(event) => store.show({ logType: event.currentTarget.checked ? 'all' : 'chat' })}
          />
          logs
        </label>
        <a href={`./api/export?session=${encodeURIComponent(session)}`} download>
          OTLP JSON
        </a>
        <button
          type="button"
          aria-pressed={isPinned}
          disabled={!isPinned && view.pins.length >= MAX_PANES - 1}
          onClick={pin}
        >
          Pin
        </button>
        <button type="button" aria-label="Close session" onClick={close}>
          ×
        </button>
      </header>
      <ConversationView
        conversation={conversation}
        selected={isChosen ? view.block : 0}
        select={(block) => store.show({ follow: session, block })}
      />
    </section>
  );
}
