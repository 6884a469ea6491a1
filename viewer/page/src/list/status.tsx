import type { JSX } from 'preact';

import type { StateEvent } from '../../../src/serve/protocol.ts';
import { usePage, useStore } from '../use-page.ts';
import { whole, wholeCounted } from './figures.ts';
import { KeysHelp } from './keys-help.tsx';
import { useShortcut } from './keys.ts';
import { Notices } from './notices.tsx';
import { Sources } from './sources.tsx';
import './status.css';

/** The state of the viewer: what it holds, what it has dropped, and what to do when something is wrong. */
export function StatusBar(): JSX.Element {
  const viewer = usePage((state) => state.viewer);
  return (
    <footer class="status">
      <Notices />
      <div class="bar">
        <Following />
        {viewer === undefined ? null : <Held viewer={viewer} />}
        {viewer === undefined ? null : <Sources sources={viewer.sources} />}
        <KeysHelp />
      </div>
    </footer>
  );
}

/** Whether the page is connected, with the button that pauses it. */
function Following(): JSX.Element {
  const store = useStore();
  const connection = usePage((state) => state.connection.kind);
  const isPaused = usePage(({ paused }) => paused !== undefined);
  const toggle = (): void => (isPaused ? store.resume() : store.pause());
  useShortcut('p', toggle);
  const words = { connecting: 'Connecting', lost: 'Not connected', refused: 'Not connected', open: 'Connected' };
  return (
    <>
      <span class={`following ${connection}`}>{words[connection]}</span>
      <button type="button" class="plain" aria-pressed={isPaused} aria-keyshortcuts="p" onClick={toggle}>
        Pause
      </button>
    </>
  );
}

function Held({ viewer }: { readonly viewer: StateEvent }): JSX.Element {
  const { sessions, entries, bounds, rate, evicted } = viewer;
  return (
    <>
      <span class="figure">{wholeCounted(sessions, 'session', 'sessions')}</span>
      <span class="figure">{wholeCounted(entries, 'entry', 'entries')}</span>
      <span class="figure rate">{wholeCounted(rate, 'record', 'records')} a second</span>
      <span class="dropped">
        {evicted.bound === undefined || evicted.entries === 0
          ? ''
          : `${droppedText(evicted)}: it holds at most ${boundText(evicted.bound, bounds)}.`}
      </span>
    </>
  );
}

function droppedText({ sessions, entries }: StateEvent['evicted']): string {
  const [count, one, several] = sessions === 0 ? [entries, 'entry', 'entries'] : [sessions, 'session', 'sessions'];
  return `The viewer has dropped the ${count === 1 ? `oldest ${one}` : `${whole(count)} oldest ${several}`}`;
}

function boundText(bound: keyof StateEvent['bounds'], bounds: StateEvent['bounds']): string {
  if (bound !== 'bytes') return `${whole(bounds[bound])} ${bound}`;
  const kib = bounds.bytes / 1_024;
  return kib < 1_024 ? `${whole(Math.round(kib))} KiB in memory` : `${whole(Math.round(kib / 1_024))} MiB in memory`;
}
