import type { JSX } from 'preact';

import { usePage } from '../use-page.ts';
import { isApplication } from './notices.tsx';
import './welcome.css';

/** In place of conversations: what to do while there is no session, or none is chosen. */
export function Welcome(): JSX.Element {
  const isEmpty = usePage(({ list }) => list === undefined || list.total === 0);
  const isInside = usePage(({ viewer }) => isApplication(viewer));
  if (!isEmpty) {
    return (
      <div class="welcome">
        <h2>Choose a session.</h2>
        <p>
          <kbd>j</kbd> and <kbd>k</kbd> go through the list, <kbd>/</kbd> searches, <kbd>?</kbd> shows all keys. Pin a
          session to see others beside it.
        </p>
      </div>
    );
  }
  return (
    <div class="welcome">
      <h2>No session yet.</h2>
      {isInside ? (
        <p>This application has not written to a session since it started. Sessions appear here as they begin.</p>
      ) : (
        <HowToSend />
      )}
    </div>
  );
}

/** The port to which applications with OpenTelemetry's defaults send. */
const DEFAULT_PORT = '4318';

function HowToSend(): JSX.Element {
  const isDefault = location.port === DEFAULT_PORT;
  return (
    <>
      <p>
        Start an application with OpenTelemetry in any language. Records that have a <code>session.id</code> appear here
        as sessions.
        {isDefault
          ? ' With its defaults, the application needs no configuration.'
          : ' Tell the application where to send its logs:'}
      </p>
      {isDefault ? null : (
        <pre>
          OTEL_EXPORTER_OTLP_ENDPOINT=
          <wbr />
          {location.origin}
        </pre>
      )}
      <p>Or start the viewer with a Node program, or with logs that a program has written:</p>
      <pre>
        npx otel-session-logs dev -- node app.js{'\n'}
        npx otel-session-logs dev ./logs
      </pre>
    </>
  );
}
