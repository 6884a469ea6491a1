import { ATTRIBUTE } from '../otel/names.ts';
import type { EntryKind } from './tokens.ts';

/** `chat`: what the user of the session sees. `log`: what the operator sees. */
export type LogType = 'chat' | 'log';

/**
 * What a store keeps of an entry besides its text and time. `undefined` in its place means a plain chunk (`chat`,
 * `text`, nothing else): nearly every entry is one, and so needs no detail.
 *
 * `attributes` holds the values that the SDK copied at emit; readers make them JSON-safe.
 */
export interface EntryDetail {
  readonly logType: LogType;
  readonly kind: EntryKind;
  readonly streamId: string | undefined;
  readonly severityNumber: number | undefined;
  readonly severityText: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  readonly eventName: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  /** The entry was written without a kind and its text ends with the reasoning stop token, so a `pop` ends after it. */
  readonly endsReasoning: boolean;
}

/** Makes a detail with every field present, in one order, so that all details share one hidden class. */
export function entryDetail(fields: Partial<EntryDetail>): EntryDetail {
  return {
    logType: fields.logType ?? 'chat',
    kind: fields.kind ?? 'text',
    streamId: fields.streamId,
    severityNumber: fields.severityNumber,
    severityText: fields.severityText,
    attributes: fields.attributes,
    eventName: fields.eventName,
    traceId: fields.traceId,
    spanId: fields.spanId,
    endsReasoning: fields.endsReasoning ?? false,
  };
}

/** Whether the entry is part of the chat, as opposed to an operator's log. */
export function isChat(detail: EntryDetail | undefined): boolean {
  return detail === undefined || detail.logType === 'chat';
}

export function kindOf(detail: EntryDetail | undefined): EntryKind {
  return detail === undefined ? 'text' : detail.kind;
}

/** The finish reason of an answer that another one replaced. */
export const ABANDONED = 'abandoned';

/** The entry that closes an open answer without a stream id when another one replaces it. */
export const ABANDONED_END: EntryDetail = Object.freeze(
  entryDetail({ kind: 'stream-end', attributes: Object.freeze({ [ATTRIBUTE.finishReasons]: [ABANDONED] }) }),
);

/** The entry that closes an answer whose producer is gone. */
export function lapsedEnd(streamId: string | undefined): EntryDetail {
  const attributes = { [ATTRIBUTE.finishReasons]: [ABANDONED], [ATTRIBUTE.errorType]: 'lease_lapsed' };
  return entryDetail({ kind: 'stream-end', streamId, attributes });
}

/** Whether a `stream-end` closes an answer that another one replaced, as opposed to one whose producer is gone. */
export function isReplacedEnd(detail: EntryDetail): boolean {
  const { [ATTRIBUTE.finishReasons]: reasons, [ATTRIBUTE.errorType]: error } = detail.attributes ?? {};
  return Array.isArray(reasons) && reasons.length === 1 && reasons[0] === ABANDONED && error === undefined;
}
