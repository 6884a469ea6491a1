import type { JSX } from 'preact';

import { usePage } from '../use-page.ts';

/** Where the conversations will be: what to do while there is no session, or none is chosen. */
export function Welcome(): JSX.Element {
  const isEmpty = usePage(({ list }) => list === undefined || list.total === 0);
  const isInside = usePage(({ viewer }) => viewer?.sources.some(({ kind }) => kind === 'application') === true);
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
        <p>This application has not written to a session since it started. The first one appears here by itself.</p>
      ) : (
        <HowToSend />
      )}
    </div>
  );
}

function HowToSend(): JSX.Element {
  return (
    <>
      <p>
        Start an application with OpenTelemetry in any language: records that carry <code>session.id</code> become
        sessions here by themselves. Applications look for <code>http://localhost:4318</code> by default; for this
        viewer set
      </p>
      <pre>OTEL_EXPORTER_OTLP_ENDPOINT={location.origin}</pre>
      <p>Or let the viewer start a Node program, or read what another has written:</p>
      <pre>
        npx otel-session-logs dev -- node app.js{'\n'}
        npx otel-session-logs dev ./logs
      </pre>
    </>
  );
}
