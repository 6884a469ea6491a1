import type { Session } from '../model/session.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { ListQuery } from './protocol.ts';

/** The part of a list that a page shows. */
export interface ListWindow {
  readonly matching: number;
  readonly sessions: readonly Session[];
}

/** The sessions that the query lets through, in its order, from `offset` on, at most `limit`. */
export function listWindow(model: SessionModel, query: ListQuery): ListWindow {
  const now = model.now();
  const found = model.inOrder.filter((session) => isMatch(session, query, now));
  if (query.sort === 'active') found.sort((a, b) => b.activeMillis - a.activeMillis || b.ordinal - a.ordinal);
  const { offset, limit } = query;
  const isReversed = query.sort === 'newest';
  const sessions: Session[] = [];
  for (let at = offset; at < Math.min(found.length, offset + limit); at += 1) {
    sessions.push(found[isReversed ? found.length - 1 - at : at] as Session);
  }
  return { matching: found.length, sessions };
}

/** Whether the query lets a session through. */
export function isMatch(
  session: Session,
  { search, states, kinds, source }: Omit<ListQuery, 'sort' | 'offset' | 'limit'>,
  nowMillis: number,
): boolean {
  if (kinds.length > 0 && !kinds.includes(session.kind)) return false;
  if (source !== undefined && !session.sources.has(source)) return false;
  if (states.length > 0 && !states.includes(session.stateAt(nowMillis))) return false;
  if (search === '' || session.name.toLowerCase().includes(search)) return true;
  for (const service of session.services) if (service.toLowerCase().includes(search)) return true;
  return false;
}
