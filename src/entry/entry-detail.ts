import { ATTRIBUTE } from '../otel/names.ts';
import type { EntryKind } from './tokens.ts';

/** `chat`: what the user of the session sees. `log`: what the operator sees. */
export type LogType = 'chat' | 'log';

/**
 * What a store keeps of an entry beside its text and time. `undefined` in its place means a plain chunk: `chat`,
 * `text`, nothing else, which is nearly every entry and so costs nothing.
 *
 * Values of `attributes` are what the SDK copied at emit; readers make them JSON-safe.
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
  /** Written without a kind, and the text ends with the reasoning stop token: a `pop` ends after it. */
  readonly endsReasoning: boolean;
}

/** A detail with every field present, in one order, so that all details share one hidden class. */
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

/** Whether the entry is part of the chat: what answers, `pop` and bare-text readers are about. */
export function isChat(detail: EntryDetail | undefined): boolean {
  return detail === undefined || detail.logType === 'chat';
}

export function kindOf(detail: EntryDetail | undefined): EntryKind {
  return detail === undefined ? 'text' : detail.kind;
}

/** The finish reason of an answer whose place another one took. */
export const ABANDONED = 'abandoned';

/** What stands in a session when a new answer starts while one without a stream id is open. */
export const ABANDONED_END: EntryDetail = Object.freeze(
  entryDetail({ kind: 'stream-end', attributes: Object.freeze({ [ATTRIBUTE.finishReasons]: [ABANDONED] }) }),
);

/** What stands in a session when the producer of an answer is gone. */
export function lapsedEnd(streamId: string | undefined): EntryDetail {
  const attributes = { [ATTRIBUTE.finishReasons]: [ABANDONED], [ATTRIBUTE.errorType]: 'lease_lapsed' };
  return entryDetail({ kind: 'stream-end', streamId, attributes });
}

/** Whether a `stream-end` stands for an answer whose place another one took, as opposed to one whose producer is gone. */
export function isReplacedEnd(detail: EntryDetail): boolean {
  const { [ATTRIBUTE.finishReasons]: reasons, [ATTRIBUTE.errorType]: error } = detail.attributes ?? {};
  return Array.isArray(reasons) && reasons.length === 1 && reasons[0] === ABANDONED && error === undefined;
}
