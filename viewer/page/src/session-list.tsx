import { memo } from 'preact/compat';
import { useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { ListEvent, SessionRow } from '../../src/serve/protocol.ts';

const ROW_HEIGHT = 56;

interface Props {
  readonly list: ListEvent | undefined;
  readonly selected: string;
  readonly select: (key: string) => void;
  readonly lookAt: (offset: number) => void;
}

/** The sessions. Only the rows in sight are there: a list of 10,000 costs what a screen of it costs. */
export function SessionList({ list, selected, select, lookAt }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  if (list === undefined) return <p class="note">Waiting for the viewer.</p>;
  if (list.total === 0) return <Empty />;
  if (list.matching === 0) return <p class="note">No session is like that. {list.total} are held.</p>;
  const height = box.current?.clientHeight ?? 800;
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - 5);
  const last = first + Math.ceil(height / ROW_HEIGHT) + 10;
  const rows = list.rows
    .map((row, at) => ({ row, place: list.offset + at }))
    .filter(({ place }) => place >= first && place <= last);
  const onScroll = (): void => {
    const { scrollTop } = box.current ?? { scrollTop: 0 };
    setTop(scrollTop);
    lookAt(Math.floor(scrollTop / ROW_HEIGHT));
  };
  return (
    <div class="rows" ref={box} onScroll={onScroll}>
      <ul style={{ height: `${list.matching * ROW_HEIGHT}px` }} aria-label={`${list.matching} sessions`}>
        {rows.map(({ row, place }) => (
          <Row key={row.key} row={row} top={place * ROW_HEIGHT} isSelected={row.key === selected} select={select} />
        ))}
      </ul>
    </div>
  );
}

interface RowProps {
  readonly row: SessionRow;
  readonly top: number;
  readonly isSelected: boolean;
  readonly select: (key: string) => void;
}

const Row = memo(({ row, top, isSelected, select }: RowProps) => (
  <li style={{ transform: `translateY(${top}px)` }}>
    <button type="button" aria-current={isSelected} onClick={() => select(row.key)}>
      <span class={`state ${row.state}`} title={row.state} />
      <span class="name">{row.name}</span>
      <span class="when">{new Date(row.lastMillis).toLocaleTimeString()}</span>
      <span class="facts">
        {row.errors > 0 ? <b>{row.errors} errors · </b> : null}
        {factsOf(row).join(' · ')}
      </span>
    </button>
  </li>
));

function factsOf({ kind, services, state, entries, chunks, outputTokens }: SessionRow): string[] {
  const origin = kind === 'session' ? services.join(', ') : kind;
  const tokens = outputTokens > 0 ? outputTokens : chunks;
  return [state, `${entries} entries`, tokens > 0 ? `${tokens} tokens` : '', origin].filter((fact) => fact !== '');
}

function Empty(): JSX.Element {
  return (
    <div class="note">
      <p>No session yet.</p>
      <p>
        Start an application with OpenTelemetry: with its defaults it sends its logs here. Records that carry{' '}
        <code>session.id</code> become sessions.
      </p>
    </div>
  );
}
