import type { JSX } from 'preact';

import type { StateEvent } from '../../../src/serve/protocol.ts';
import { usePage, useStore } from '../use-page.ts';
import { whole, wholeCounted } from './figures.ts';
import { KeysHelp } from './keys-help.tsx';
import { useShortcut } from './keys.ts';
import { Notices } from './notices.tsx';
import { Sources } from './sources.tsx';
import './status.css';

/** How the viewer is: what it holds, what it does not any more, and what to do when something is wrong. */
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

/** Whether the page follows, with the button that changes it. */
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
  const { sessions, entries, maxEntries, rate, evicted } = viewer;
  return (
    <>
      <span class="figure">{wholeCounted(sessions, 'session', 'sessions')}</span>
      <span class="figure">{wholeCounted(entries, 'entry', 'entries')}</span>
      <span class="figure">{whole(rate)} a second</span>
      <span class="went">
        {evicted.entries === 0 ? '' : `${wentText(evicted)}: the viewer holds ${whole(maxEntries)} entries.`}
      </span>
    </>
  );
}

function wentText({ sessions, entries }: StateEvent['evicted']): string {
  if (sessions === 0) return `The oldest ${whole(entries)} entries went`;
  return sessions === 1 ? 'The oldest session went' : `The oldest ${whole(sessions)} sessions went`;
}
