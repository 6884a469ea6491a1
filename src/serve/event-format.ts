import type { LogEntry } from '../entry/entry.ts';
import type { EndReason } from '../read/end-reason.ts';
import { describeValue } from '../support/errors.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';

// Blocks of a `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html). Every value is
// JSON, which escapes CR and LF, so no text can break an event or begin another one.

/** Functions that decide what a browser gets of an entry. */
export interface EntryFormat {
  readonly map: ((entry: LogEntry) => unknown) | undefined;
  readonly onError: ((error: LogEntry) => string | undefined) | undefined;
}

/** Sent to browsers instead of an error's own text, which is for operators. */
const MASKED_ERROR = 'An error occurred.';

/** Reasons after which nothing more comes for any client. All other reasons concern this server only. */
const FINAL: ReadonlySet<EndReason | undefined> = new Set<EndReason>([
  'session-end',
  'stream-end',
  'caught-up',
  'deleted',
  'no-session',
]);

const reporter = reporterFor('event-stream');

/** A comment, which an `EventSource` ignores. */
export const KEEP_ALIVE = ': keep-alive\n\n';

/** Tells an `EventSource` how long to wait before it reconnects. */
export function retryBlock(millis: number): string {
  return `retry: ${millis}\n\n`;
}

/** An entry as an event; `undefined` if `map` leaves it out or fails, which is reported. */
export function entryEvent(entry: LogEntry, format: EntryFormat): string | undefined {
  const data = dataOf(entry, format);
  return data === undefined ? undefined : `id: ${entry.id}\ndata: ${data}\n\n`;
}

/**
 * The event for entries that were evicted before the reader reached them. @param missed Their number; -1 if unknown.
 */
export function gapEvent(missed: number): string {
  return `event: gap\ndata: {"missed":${missed}}\n\n`;
}

/**
 * The last block of a stream. If the session has no more for this client, it is an event, at which the client closes
 * its `EventSource`. Otherwise it has no event, so that the client reconnects, to this server or another one.
 *
 * @param skippedId Id of the entry that `map` left out last, if none was sent after it. An `EventSource` that
 * reconnects goes on after it; otherwise it would get the same end each time.
 */
export function lastBlock(reason: EndReason | undefined, retryMillis: number, skippedId: string | undefined): string {
  const id = skippedId === undefined ? '' : `id: ${skippedId}\n`;
  return id + (FINAL.has(reason) ? `event: end\ndata: ${JSON.stringify({ reason })}\n\n` : retryBlock(retryMillis));
}

function dataOf(entry: LogEntry, format: EntryFormat): string | undefined {
  try {
    const shown = entry.kind === 'error' ? { ...entry, message: errorText(entry, format) } : entry;
    const { kind, message, timestamp } = shown;
    return format.map === undefined ? JSON.stringify({ kind, message, timestamp }) : mapped(format.map(shown));
  } catch (error) {
    reporter.limited('map', 'an entry could not be mapped to JSON and is left out of its event stream', error);
    return undefined;
  }
}

/** Throws for a promise, whose JSON would be `{}`. */
function mapped(value: unknown): string | undefined {
  if (catchRejection(value, () => {})) throw new TypeError('map must return its result, not a promise');
  return JSON.stringify(value);
}

function errorText(entry: LogEntry, { onError }: EntryFormat): string {
  try {
    const text: unknown = onError?.(entry);
    if (typeof text === 'string') return text;
    catchRejection(text, () => {});
    if (text === undefined) return MASKED_ERROR;
    throw new TypeError(`onError must return a string or undefined, got ${describeValue(text)}`);
  } catch (error) {
    reporter.limited('onError', 'onError failed; the error stays masked', error);
    return MASKED_ERROR;
  }
}
