import type { FunctionComponent, JSX } from 'preact';
import { memo } from 'preact/compat';

import type { SessionRow } from '../../../src/serve/protocol.ts';
import { counted } from './figures.ts';
import './row.css';

/** The height of every row in pixels, so that the place of one is known without drawing those before it. row.css has it too. */
export const ROW_HEIGHT = 56;

interface RowProps {
  readonly row: SessionRow;
  readonly place: number;
  readonly of: number;
  readonly when: string;
  readonly isChosen: boolean;
  readonly isPinned: boolean;
  readonly canPin: boolean;
  /** The Tab key leads to one row of the list; arrows lead to the others. */
  readonly hasTab: boolean;
  readonly choose: (key: string) => void;
  readonly pin: (key: string) => void;
}

/** A session in the list. Each figure has a place of its own, so that nothing moves while the figures grow. */
export const Row: FunctionComponent<RowProps> = memo((props: RowProps) => {
  const { row, place, of, when, isChosen, isPinned, canPin, hasTab, choose, pin } = props;
  const { key, name, kind, services, state, entries, chunks, outputTokens, errors } = row;
  const tokens = outputTokens > 0 ? outputTokens : chunks;
  const origin = kind === 'session' ? services.join(', ') : kind;
  const tab = hasTab ? 0 : -1;
  return (
    <li
      class={isChosen ? 'row chosen' : 'row'}
      data-place={place}
      aria-setsize={of}
      aria-posinset={place + 1}
      style={{ transform: `translateY(${place * ROW_HEIGHT}px)` }}
    >
      <button
        type="button"
        class="choose"
        aria-current={isChosen}
        tabIndex={tab}
        title={name}
        onClick={() => choose(key)}
      >
        <span class="first">
          <span class="name">{name}</span> <span class="origin">{origin}</span>{' '}
          <time dateTime={new Date(row.activeMillis).toISOString()}>{when}</time>
        </span>
        <span class="second">
          <span class={`state ${state}`}>{state}</span> <span>{counted(entries, 'entry', 'entries')}</span>{' '}
          <span>{tokens === 0 ? '' : counted(tokens, 'token', 'tokens')}</span>{' '}
          <span class="errors">{errors === 0 ? '' : counted(errors, 'error', 'errors')}</span>
        </span>
      </button>
      <button
        type="button"
        class="pin"
        aria-pressed={isPinned}
        aria-label={`Pin ${name}`}
        title={isPinned ? 'Stop showing this session beside others' : 'Show this session beside others'}
        tabIndex={tab}
        disabled={!isPinned && !canPin}
        onClick={() => pin(key)}
      >
        <PinIcon />
      </button>
    </li>
  );
});

function PinIcon(): JSX.Element {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path
        d="M5.5 1.5h5l-.7 5 2.2 2.5v1H4v-1l2.2-2.5zM8 10v4.5"
        fill="none"
        stroke="currentColor"
        stroke-linejoin="round"
      />
    </svg>
  );
}
