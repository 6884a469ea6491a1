import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { BlockDetail } from '../../../src/serve/protocol.ts';

interface Props {
  readonly session: string;
  readonly block: number;
  /** Of the block: another one is another state of it. */
  readonly version: number;
  /** Where traces can be seen, with `{traceId}` in it. */
  readonly traceLink: string | undefined;
  readonly close: () => void;
}

/** A block in full. */
export function BlockDetails({ session, block, version, traceLink, close }: Props): JSX.Element {
  const [detail, setDetail] = useState<BlockDetail | 'gone' | undefined>(undefined);
  useEffect(() => {
    const ending = new AbortController();
    const query = new URLSearchParams({ session, id: String(block) });
    fetch(`./api/block?${query.toString()}`, { signal: ending.signal })
      .then(async (response) => setDetail(response.ok ? ((await response.json()) as BlockDetail) : 'gone'))
      .catch(() => {
        // Another block was chosen, or the server is gone, which the page says elsewhere.
      });
    return () => ending.abort();
  }, [session, block, version]);
  return (
    <aside class="details" aria-label="Details">
      <header>
        <h2>Details</h2>
        <button type="button" onClick={close} aria-label="Close details">
          ×
        </button>
      </header>
      {detail === undefined ? <p class="note">Loading.</p> : null}
      {detail === 'gone' ? <p class="note">It is not held any more.</p> : null}
      {typeof detail === 'object' ? <Facts detail={detail} traceLink={traceLink} /> : null}
    </aside>
  );
}

interface FactsProps {
  readonly detail: BlockDetail;
  readonly traceLink: string | undefined;
}

function Facts({ detail, traceLink }: FactsProps): JSX.Element {
  const { entry, timeToFirstTokenMillis: first, tokensPerSecond: pace, longestPauseMillis: pause, timeline } = detail;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Time', entry?.timeUnixNano],
    ['Chunks', timeline.length > 1 ? String(timeline.length) : undefined],
    ['Time to first token', first === undefined ? undefined : `${first} ms`],
    ['Tokens a second', pace?.toFixed(1)],
    ['Longest pause', pause === undefined ? undefined : `${pause} ms`],
    ['Severity', entry?.severityText],
    ['Event', entry?.eventName],
    ['Trace', entry?.traceId],
    ['Span', entry?.spanId],
    ['Scope', entry === undefined ? undefined : `${entry.scope.name} ${entry.scope.version}`],
    ['Source', entry?.source],
  ];
  return (
    <div class="facts">
      <dl>
        {facts.map(([name, value]) =>
          value === undefined || value.trim() === '' ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{name === 'Trace' ? <TraceId id={value} link={traceLink} /> : value}</dd>
            </div>
          ),
        )}
      </dl>
      {entry?.exception === undefined ? null : <pre class="exception">{entry.exception.stacktrace}</pre>}
      <h3>Attributes</h3>
      <pre>{JSON.stringify(entry?.attributes ?? {}, undefined, 2)}</pre>
      <h3>Resource</h3>
      <pre>{JSON.stringify(entry?.resource ?? {}, undefined, 2)}</pre>
    </div>
  );
}

function TraceId({ id, link }: { readonly id: string; readonly link: string | undefined }): JSX.Element {
  if (link === undefined) return <code>{id}</code>;
  return (
    <a href={link.replaceAll('{traceId}', encodeURIComponent(id))} target="_blank" rel="noreferrer">
      {id}
    </a>
  );
}
