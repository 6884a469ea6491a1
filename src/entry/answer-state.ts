import { isChat, kindOf } from './entry-detail.ts';
import type { EntryDetail } from './entry-detail.ts';
import type { EntryKind } from './tokens.ts';

/**
 * The state of a session's answer without a stream id. 0: none is open. 1: one is open. 2: one is open and its last
 * chat entry is a `tool-call-end`, so that the next `stream-start` goes on with it.
 *
 * A number, so that it can be stored next to other counters without an object per session.
 */
export type OpenAnswer = 0 | 1 | 2;

/** The state after a chat entry without a stream id. */
export function afterKind(open: OpenAnswer, kind: EntryKind): OpenAnswer {
  if (kind === 'stream-start') return 1;
  if (kind === 'stream-end' || open === 0) return 0;
  return kind === 'tool-call-end' ? 2 : 1;
}

/** The state after an entry. Only chat entries without a stream id change it; `undefined` is plain chat text. */
export function afterEntry(open: OpenAnswer, detail: EntryDetail | undefined): OpenAnswer {
  return isUnnamedChat(detail) ? afterKind(open, kindOf(detail)) : open;
}

/**
 * What a `stream-start` without a stream id does: it begins an answer if none is open, goes on with the open one after
 * a tool call, or else replaces it.
 */
export type AnswerStart = 'begins' | 'goes-on' | 'takes-place';

/** What a `stream-start` without a stream id does in that state. */
export function startIn(open: OpenAnswer): AnswerStart {
  if (open === 0) return 'begins';
  return open === 2 ? 'goes-on' : 'takes-place';
}

/** What the entry starts; `undefined` unless it is a chat `stream-start` without a stream id. */
export function startBy(open: OpenAnswer, detail: EntryDetail | undefined): AnswerStart | undefined {
  return kindOf(detail) === 'stream-start' && isUnnamedChat(detail) ? startIn(open) : undefined;
}

function isUnnamedChat(detail: EntryDetail | undefined): boolean {
  return isChat(detail) && detail?.streamId === undefined;
}
