import { isChat, kindOf } from '../entry/entry-detail.ts';
import type { EntryDetail } from '../entry/entry-detail.ts';

/**
 * How a session's stream without a stream id stands at the writer: 0 none open, 1 open, 2 open and the last chat entry
 * without a stream id is a `tool-call-end`, after which the next `stream-start` goes on with it.
 *
 * A number, so that a store keeps it beside its other counters without an object per session.
 */
export type OpenStream = 0 | 1 | 2;

/** The state after an entry. Only chat entries without a stream id change it; `undefined` is plain chat text. */
export function afterEntry(state: OpenStream, detail: EntryDetail | undefined): OpenStream {
  if (detail === undefined) return state === 2 ? 1 : state;
  if (detail.streamId !== undefined || !isChat(detail)) return state;
  const kind = kindOf(detail);
  if (kind === 'stream-start') return 1;
  if (kind === 'stream-end' || state === 0) return 0;
  return kind === 'tool-call-end' ? 2 : 1;
}

/** Whether the entry takes the place of the open stream, so that an `ABANDONED_END` has to be stored before it. */
export function isAbandonedBy(state: OpenStream, detail: EntryDetail | undefined): boolean {
  return (
    state === 1 &&
    detail !== undefined &&
    detail.kind === 'stream-start' &&
    detail.streamId === undefined &&
    isChat(detail)
  );
}
