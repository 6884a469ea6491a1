import type { JSX } from 'preact';

import type { StateEvent } from '../../../src/serve/protocol.ts';
import type { Connection } from '../event-stream.ts';
import { useKeptFocus } from '../focus.ts';
import { recordsOf } from '../page-state.ts';
import { usePage, useStore } from '../use-page.ts';
import { whole } from './figures.ts';
import './notices.css';

/** What is out of the ordinary, and what to do about it. */
export function Notices(): JSX.Element {
  const connection = usePage((state) => state.connection);
  const isInside = usePage(({ viewer }) => isApplication(viewer));
  const isBusy = usePage((state) => state.isBusy);
  return (
    <>
      <Paused />
      <ConnectionNotice connection={connection} isInside={isInside} />
      {isBusy ? (
        <p class="notice">
          More arrives than this page can draw. Pause it, show fewer sessions side by side, or filter the list. Nothing
          is lost.
        </p>
      ) : null}
    </>
  );
}

function Paused(): JSX.Element | null {
  const store = useStore();
  const paused = usePage((state) => state.paused);
  const records = usePage(({ viewer }) => recordsOf(viewer));
  useKeptFocus();
  if (paused === undefined) return null;
  return (
    <p class="notice calm">
      <span>Paused, {whole(Math.max(0, records - paused.records))} new</span>
      <button type="button" onClick={() => store.resume()}>
        Resume
      </button>
    </p>
  );
}

interface ConnectionProps {
  readonly connection: Connection;
  readonly isInside: boolean;
}

function ConnectionNotice({ connection, isInside }: ConnectionProps): JSX.Element | null {
  switch (connection.kind) {
    case 'lost':
      return (
        <p class="notice">
          {isInside ? 'The application does not answer. ' : 'The viewer does not answer. '}
          {isInside ? null : (
            <>
              Is it running? <code>npx otel-session-logs dev</code> starts it.{' '}
            </>
          )}
          This page tries again every second and continues where it was.
        </p>
      );
    case 'refused':
      return (
        <p class="notice">
          The viewer does not let this page in: {connection.reason.trim()}.{' '}
          {connection.status === 503 ? 'This page tries again every second.' : ''}
        </p>
      );
    default:
      return null;
  }
}

/** Whether the viewer is part of an application. */
export function isApplication(viewer: StateEvent | undefined): boolean {
  return viewer?.sources.some(({ kind }) => kind === 'application') === true;
}
