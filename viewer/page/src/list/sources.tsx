import type { JSX } from 'preact';

import type { StateEvent } from '../../../src/serve/protocol.ts';
import { whole } from './figures.ts';
import './sources.css';

type SourceReport = StateEvent['sources'][number];

const KIND_NAMES: Readonly<Record<string, string>> = {
  otlp: 'received',
  directory: 'read',
  application: 'of this process',
  output: 'printed',
};

/** Where records come from, and what there is to know about each source. */
export function Sources({ sources }: { readonly sources: readonly SourceReport[] }): JSX.Element {
  const notes = sources.reduce((sum, source) => sum + source.notes.length + (source.unreadable > 0 ? 1 : 0), 0);
  return (
    <>
      <button type="button" class="plain" popovertarget="sources">
        {sources.length === 1 ? '1 source' : `${whole(sources.length)} sources`}
        {notes === 0 ? '' : `, ${notes === 1 ? '1 note' : `${whole(notes)} notes`}`}
      </button>
      <section id="sources" class="sources" popover="auto" aria-label="Sources">
        <h2>Sources</h2>
        <ul>
          {sources.map((source) => (
            <SourceItem key={source.id} source={source} />
          ))}
        </ul>
      </section>
    </>
  );
}

function SourceItem({
  source: { name, kind, records, unreadable, notes },
}: {
  readonly source: SourceReport;
}): JSX.Element {
  return (
    <li>
      <p class="first">
        <span class="name" title={name}>
          {name}
        </span>{' '}
        <span>{KIND_NAMES[kind] ?? kind}</span> <span>{whole(records)} records</span>
      </p>
      {unreadable === 0 ? null : <p class="warning">{whole(unreadable)} could not be read.</p>}
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </li>
  );
}
