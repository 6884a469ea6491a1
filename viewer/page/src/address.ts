import type { BlockQuery, ListQuery, SessionRow } from '../../src/serve/protocol.ts';

/** What the page shows. All of it is in the page's address, so that a link shows the same. */
export interface View {
  /** The key of the chosen session, `''` for none. */
  readonly follow: string;
  /** Keys of sessions that stay beside the chosen one, in their order. */
  readonly pins: readonly string[];
  /** Searched for in the ids and services of sessions. */
  readonly search: string;
  /** Searched for in the blocks of sessions. */
  readonly text: string;
  /** Empty: all. */
  readonly states: readonly SessionRow['state'][];
  readonly kinds: readonly SessionRow['kind'][];
  /** The number of a source, `undefined` for all. */
  readonly source: number | undefined;
  readonly sort: ListQuery['sort'];
  readonly logType: BlockQuery['logType'];
  /** Logs below this severity number are not shown. */
  readonly severity: number;
  /** `absolute`: times of the clock. `relative`: times since the session began, and in the list how long ago. */
  readonly time: 'absolute' | 'relative';
  /** The block of the chosen session that is shown in full, 0 for none. */
  readonly block: number;
  /** Where a search has led in the chosen session: a block, and which place of the text in it, from 0: `12.3`. `''` for none. */
  readonly place: string;
  /** Milliseconds into the replay of the chosen session, `undefined` when it is not replayed. */
  readonly replay: number | undefined;
}

/** Longest text that the server searches for. With a longer one, it would refuse the whole page. */
export const MAX_SEARCH = 1_000;
/** Most sessions side by side. */
export const MAX_PANES = 4;

export const STATES = ['live', 'ended', 'failed'] as const;
export const KINDS = ['session', 'service', 'output'] as const;
export const SORTS = ['newest', 'oldest', 'active'] as const;
const LOG_TYPES = ['all', 'chat', 'log'] as const;
const TIMES = ['absolute', 'relative'] as const;
const MAX_SEVERITY = 24;

/** The view of an address. Ignores what is wrong in it. */
export function readView(hash: string): View {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const among = <T extends string>(name: string, values: readonly T[]): T[] => {
    const given = (query.get(name) ?? '').split(',');
    return values.filter((value) => given.includes(value));
  };
  const first = <T extends string>(name: string, values: readonly [T, ...T[]]): T =>
    among(name, values)[0] ?? values[0];
  const pins = [...new Set(query.getAll('pin'))].slice(0, MAX_PANES - 1);
  return {
    follow: query.get('follow') ?? pins.at(-1) ?? '',
    pins,
    search: (query.get('search') ?? '').slice(0, MAX_SEARCH),
    text: (query.get('text') ?? '').slice(0, MAX_SEARCH),
    states: among('state', STATES),
    kinds: among('kind', KINDS),
    source: numberIn(query, 'source'),
    sort: first('sort', SORTS),
    logType: first('logType', LOG_TYPES),
    severity: Math.min(numberIn(query, 'severity') ?? 0, MAX_SEVERITY),
    time: first('time', TIMES),
    block: numberIn(query, 'block') ?? 0,
    place: /^\d{1,15}\.\d{1,4}$/.exec(query.get('place') ?? '')?.[0] ?? '',
    replay: numberIn(query, 'replay'),
  };
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name) ?? '';
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The address of a view: `#`, and what differs from the defaults. */
export function writeView(view: View): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | number | undefined, byDefault: string | number): void => {
    if (value !== undefined && value !== byDefault) query.set(name, String(value));
  };
  put('follow', view.follow, '');
  for (const pin of view.pins) query.append('pin', pin);
  put('search', view.search, '');
  put('text', view.text, '');
  put('state', view.states.join(','), '');
  put('kind', view.kinds.join(','), '');
  put('source', view.source, '');
  put('sort', view.sort, SORTS[0]);
  put('logType', view.logType, LOG_TYPES[0]);
  put('severity', view.severity, 0);
  put('time', view.time, TIMES[0]);
  put('block', view.block, 0);
  put('place', view.place, '');
  put('replay', view.replay === undefined ? undefined : Math.round(view.replay), '');
  // A hash may have colons and commas as they are, and is easier to read with them.
  return `#${query.toString().replaceAll('%3A', ':').replaceAll('%2C', ',')}`;
}

/** Keys of the sessions side by side: the pinned ones in their order, and the chosen one. */
export function panesOf({ follow, pins }: View): readonly string[] {
  return follow === '' || pins.includes(follow) ? pins : [...pins, follow];
}
