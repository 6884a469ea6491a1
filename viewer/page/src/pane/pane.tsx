import { useCallback, useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';

import { usePage, useStore } from '../use-page.ts';
import { ConversationView } from './conversation.tsx';
import { PaneHeader } from './pane-header.tsx';
import { filtered } from './replay.ts';
import { ReplayBar } from './replay-bar.tsx';
import { useReplay } from './use-replay.ts';
import './pane.css';

const NOTHING_OLDER = (): Promise<void> => Promise.resolve();

/** A session: its header above its conversation, or above its replay. */
export function Pane({ session }: { readonly session: string }): JSX.Element {
  const store = useStore();
  const view = usePage((state) => state.view);
  const isChosen = view.follow === session;
  const opened = useReplay(session, isChosen ? view.replay : undefined, (replay) => {
    const now = store.state.view;
    // A closed replay plays on until the next draw: without the check it would open itself again.
    if (now.follow === session && now.replay !== undefined) store.show({ replay });
  });
  const played = typeof opened === 'object' ? opened.player.replay.conversationAt(opened.player.count) : undefined;
  useEffect(() => {
    if (played === undefined) return undefined;
    store.showPlayed(played);
    return () => store.showPlayed(undefined);
  }, [played]);
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    // Of several side by side it may be out of sight.
    if (isChosen) section.current?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
  }, [isChosen]);
  return (
    <section
      ref={section}
      class={`pane${isChosen ? ' chosen' : ''}${opened === undefined ? '' : ' is-replay'}`}
      aria-label={session.slice(2)}
    >
      <PaneHeader session={session} isReplay={opened !== undefined} />
      {opened === undefined ? <Live session={session} /> : null}
      {opened === 'loading' ? <p class="note">Loading the replay…</p> : null}
      {opened === 'gone' ? (
        <p class="note">There is nothing to replay: the viewer no longer holds this session.</p>
      ) : null}
      {typeof opened === 'object' && played !== undefined ? (
        <>
          <ReplayBar {...opened} close={() => store.show({ follow: session, replay: undefined })} />
          <Conversation session={session} conversation={filtered(played, view)} isReplay />
        </>
      ) : null}
    </section>
  );
}

function Live({ session }: { readonly session: string }): JSX.Element {
  const conversation = usePage(({ conversations }) => conversations.get(session));
  if (conversation === undefined) return <p class="note">Loading…</p>;
  if (conversation.isGone) {
    return (
      <p class="note">
        The viewer does not hold this session: it has not begun yet, was dropped because of the bounds, or came before
        the viewer was started again.
      </p>
    );
  }
  return <Conversation session={session} conversation={conversation} />;
}

interface ConversationProps {
  readonly session: string;
  readonly conversation: Parameters<typeof ConversationView>[0]['conversation'];
  readonly isReplay?: boolean;
}

function Conversation({ session, conversation, isReplay = false }: ConversationProps): JSX.Element {
  const store = useStore();
  const view = usePage((state) => state.view);
  const row = usePage(() => store.rowOf(session));
  // The address has the replay position of the session that was chosen so far.
  const select = useCallback(
    (block: number) =>
      store.show({ block, ...(store.state.view.follow === session ? {} : { follow: session, replay: undefined }) }),
    [session],
  );
  return (
    <ConversationView
      conversation={conversation}
      selected={view.follow === session ? view.block : 0}
      found={view.follow === session ? view.text : ''}
      place={view.follow === session ? view.place : ''}
      select={select}
      time={view.time}
      isLive={isReplay || row?.state === 'live'}
      startMillis={row?.firstMillis ?? conversation.blocks[0]?.millis ?? 0}
      deliveredSeq={isReplay ? undefined : row?.delivered?.seq}
      trimmed={row?.trimmed ?? 0}
      loadOlder={isReplay ? NOTHING_OLDER : () => store.loadOlder(session)}
      reach={isReplay ? NOTHING_OLDER : (block) => store.reach(session, block)}
    />
  );
}
