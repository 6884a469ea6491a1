import type { JSX } from 'preact';

import { recordsOf } from '../page-store.ts';
import { usePage, useStore } from '../use-page.ts';
import { whole } from './figures.ts';
import { useShortcut } from './keys.ts';

/** How the viewer is: what it holds, what it does not any more, and what to do when something is wrong. */
export function StatusBar(): JSX.Element {
  const store = useStore();
  const connection = usePage((state) => state.connection);
  const viewer = usePage((state) => state.viewer);
  const paused = usePage((state) => state.paused);
  useShortcut('p', () => (paused === undefined ? store.pause() : store.resume()));
  return (
    <footer class="status">
      {connection.kind === 'lost' ? (
        <p class="warning">The viewer does not answer. Is it running? Trying again every second.</p>
      ) : null}
      {connection.kind === 'refused' ? <p class="warning">The viewer refuses: {connection.reason}</p> : null}
      {connection.kind === 'connecting' ? <p>Connecting.</p> : null}
      {paused === undefined ? null : (
        <p>
          Paused, {whole(Math.max(0, recordsOf(viewer) - paused.records))} new
          <button type="button" onClick={() => store.resume()}>
            Go on
          </button>
        </p>
      )}
      {viewer === undefined ? null : (
        <p>
          {whole(viewer.sessions)} sessions, {whole(viewer.entries)} entries, {whole(viewer.rate)} a second
        </p>
      )}
      {viewer === undefined || viewer.evicted.entries === 0 ? null : (
        <p class="warning">
          The oldest {whole(viewer.evicted.sessions)} sessions went: {whole(viewer.maxEntries)} entries are held.
        </p>
      )}
    </footer>
  );
}
