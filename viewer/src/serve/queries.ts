import type { BlockQuery, ListQuery, SessionRow } from './protocol.ts';

/** A parameter of a request is wrong. */
export class WrongQueryError extends Error {
  override readonly name = 'WrongQueryError';
}

const STATES: readonly SessionRow['state'][] = ['live', 'ended', 'failed'];
const KINDS: readonly SessionRow['kind'][] = ['session', 'service', 'output'];
const SORTS: readonly ListQuery['sort'][] = ['newest', 'oldest', 'active'];
const LOG_TYPES: readonly BlockQuery['logType'][] = ['all', 'chat', 'log'];

/** Most rows of a window, and most sessions that one stream follows. */
const MAX_ROWS = 500;
const MAX_FOLLOWED = 16;
const MAX_SEARCH = 1_000;

/** @throws WrongQueryError */
export function listQuery(query: URLSearchParams): ListQuery {
  return {
    search: text(query, 'search', MAX_SEARCH).toLowerCase(),
    states: several(query, 'state', STATES),
    kinds: several(query, 'kind', KINDS),
    sort: one(query, 'sort', SORTS),
    source: query.has('source') ? integer(query, 'source', 0, 0, Number.MAX_SAFE_INTEGER) : undefined,
    offset: integer(query, 'offset', 0, 0, 10_000_000),
    limit: integer(query, 'limit', 100, 0, MAX_ROWS),
  };
}

/** @throws WrongQueryError */
export function blockQuery(query: URLSearchParams): BlockQuery {
  return { logType: one(query, 'logType', LOG_TYPES), minimumSeverity: integer(query, 'severity', 0, 0, 24) };
}

/** The keys of sessions that a parameter names. @throws WrongQueryError */
export function sessionKeys(query: URLSearchParams, name: 'follow' | 'anew'): string[] {
  const keys = [...new Set(query.getAll(name))];
  if (keys.length > MAX_FOLLOWED)
    throw new WrongQueryError(`expected \`${name}\` at most ${MAX_FOLLOWED} times, got ${keys.length}`);
  return keys;
}

/** How far a page has seen the stream, and in which start of the server. */
export interface PageCursor {
  readonly boot: string;
  readonly seq: number;
}

export function pageCursor(value: string | null | undefined): PageCursor | undefined {
  const found = /^([\da-z]{1,32})-(\d{1,15})$/.exec(value ?? '');
  return found === null ? undefined : { boot: found[1] as string, seq: Number(found[2]) };
}

export function integer(query: URLSearchParams, name: string, otherwise: number, min: number, max: number): number {
  const value = query.get(name);
  if (value === null || value === '') return otherwise;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new WrongQueryError(
    `expected \`${name}\` to be an integer from ${min} to ${max}, got ${JSON.stringify(value.slice(0, 80))}`,
  );
}

export function text(query: URLSearchParams, name: string, max: number): string {
  const value = query.get(name) ?? '';
  if (value.length <= max) return value;
  throw new WrongQueryError(`expected \`${name}\` to have at most ${max} characters, got ${value.length}`);
}

function one<T extends string>(query: URLSearchParams, name: string, values: readonly [T, ...T[]] | readonly T[]): T {
  const value = query.get(name);
  const found = value === null || value === '' ? values[0] : values.find((each) => each === value);
  if (found !== undefined) return found;
  throw new WrongQueryError(
    `expected \`${name}\` to be one of ${values.join(', ')}, got ${JSON.stringify(value?.slice(0, 80))}`,
  );
}

function several<T extends string>(query: URLSearchParams, name: string, values: readonly T[]): readonly T[] {
  const given = query
    .getAll(name)
    .flatMap((each) => each.split(','))
    .filter((each) => each !== '');
  return given.map((value) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    throw new WrongQueryError(
      `expected \`${name}\` to be one of ${values.join(', ')}, got ${JSON.stringify(value.slice(0, 80))}`,
    );
  });
}
