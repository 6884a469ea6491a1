import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';

import { MAX_PANES } from '../address.ts';
import { CopyMenu } from '../details/copy-menu.tsx';
import { whole, wholeCounted } from '../list/figures.ts';
import { usePage, useStore } from '../use-page.ts';
import { sessionCopies } from './session-copies.ts';

/** Logs from these severity numbers on. */
const SEVERITIES = [
  [0, 'all levels'],
  [5, 'from debug'],
  [9, 'from info'],
  [13, 'from warning'],
  [17, 'errors'],
] as const;

/** The name of a session, its state, and what you can do with it. */
export function PaneHeader({
  session,
  isReplay,
}: {
  readonly session: string;
  readonly isReplay: boolean;
}): JSX.Element {
  const store = useStore();
  const view = usePage((state) => state.view);
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
    <header>
      <div class="title">
        <button
          type="button"
          class="back"
          onClick={() => store.show({ follow: '', pins: [], block: 0, replay: undefined })}
        >
          Sessions
        </button>
        <h2 title={session.slice(2)}>{session.slice(2)}</h2>
        <button
          type="button"
          aria-pressed={isPinned}
          disabled={!isPinned && view.pins.length >= MAX_PANES - 1}
          title={isPinned ? 'Stop showing this session beside others' : 'Show this session beside others'}
          onClick={pin}
        >
          Pin
        </button>
        <button type="button" class="close" aria-label="Close session" onClick={close}>
          ×
        </button>
      </div>
      <div class="tools">
        <Counts session={session} />
        <Filters />
        {isReplay ? null : (
          <button type="button" onClick={() => store.show({ follow: session, replay: 0, block: 0 })}>
            Replay
          </button>
        )}
        <Copies session={session} />
      </div>
    </header>
  );
}

/** The figures of the session, each of a fixed width. */
function Counts({ session }: { readonly session: string }): JSX.Element {
  const store = useStore();
  const row = usePage(() => store.rowOf(session));
  if (row === undefined) return <p class="counts" />;
  const { state, entries, errors, chunks, outputTokens, missing } = row;
  const tokens = outputTokens > 0 ? outputTokens : chunks;
  return (
    <p class="counts">
      <span class={`state-word ${state}`}>{state}</span>
      <span>{wholeCounted(entries, 'entry', 'entries')}</span>
      {tokens > 0 ? <span>{wholeCounted(tokens, 'token', 'tokens')}</span> : null}
      {errors > 0 ? <span class="error errors">{wholeCounted(errors, 'error', 'errors')}</span> : null}
      {missing > 0 ? <span class="error missing">{whole(missing)} missing</span> : null}
    </p>
  );
}

/** They apply to all sessions on the page. */
function Filters(): JSX.Element {
  const store = useStore();
  const { logType, severity, time } = usePage((state) => state.view);
  const hasLogs = logType !== 'chat';
  return (
    <>
      <label>
        <input
          type="checkbox"
          checked={hasLogs}
          onChange={(event) => store.show({ logType: event.currentTarget.checked ? 'all' : 'chat' })}
        />
        Logs
      </label>
      <select
        aria-label="Minimum severity of logs"
        disabled={!hasLogs}
        value={severity}
        onChange={(event) => store.show({ severity: Number(event.currentTarget.value) })}
      >
        {SEVERITIES.some(([number]) => number === severity) ? null : (
          <option value={severity}>from {severity} on</option>
        )}
        {SEVERITIES.map(([number, name]) => (
          <option key={number} value={number}>
            {name}
          </option>
        ))}
      </select>
      <button
        type="button"
        aria-pressed={time === 'relative'}
        title="Show times since the session began, not the time of day"
        onClick={() => store.show({ time: time === 'relative' ? 'absolute' : 'relative' })}
      >
        Relative times
      </button>
    </>
  );
}

function Copies({ session }: { readonly session: string }): JSX.Element {
  const store = useStore();
  const forms = useMemo(() => sessionCopies(session, () => store.rowOf(session)?.entries ?? 0), [session]);
  return <CopyMenu forms={forms} file={`./api/export?${new URLSearchParams({ session }).toString()}`} />;
}
