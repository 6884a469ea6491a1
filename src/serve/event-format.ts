import type { LogEntry } from '../entry/entry.ts';
import type { EndReason } from '../read/end-reason.ts';
import { describeValue } from '../support/errors.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';

// Blocks of a `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html). Every value is JSON,
// in which CR and LF are escaped, so no text can break an event or begin another one.

/** What of an entry reaches a browser. */
export interface EntryFormat {
  readonly map: ((entry: LogEntry) => unknown) | undefined;
  readonly onError: ((error: LogEntry) => string | undefined) | undefined;
}

/** What a browser gets in place of an error's own words, which are for the server. */
const MASKED_ERROR = 'An error occurred.';

/** What the log says of the session: nothing more comes of it, whoever asks. Each other reason is one of this server alone. */
const FINAL: ReadonlySet<EndReason | undefined> = new Set<EndReason>([
  'session-end',
  'stream-end',
  'caught-up',
  'deleted',
  'no-session',
]);

const reporter = reporterFor('event-stream');

/** A comment: it reaches no listener of an `EventSource`. */
export const KEEP_ALIVE = ': keep-alive\n\n';

/** How long an `EventSource` waits before it connects again. */
export function retryBlock(millis: number): string {
  return `retry: ${millis}\n\n`;
}

/** An entry as an event; `undefined` when `map` leaves it out, or failed, which is reported. */
export function entryEvent(entry: LogEntry, format: EntryFormat): string | undefined {
  const data = dataOf(entry, format);
  return data === undefined ? undefined : `id: ${entry.id}\ndata: ${data}\n\n`;
}

/** Entries that were evicted before the reader came to them; -1: an unknown number. */
export function gapEvent(missed: number): string {
  return `event: gap\ndata: {"missed":${missed}}\n\n`;
}

/**
 * The last block: an event when the session has no more for this client, at which it closes its `EventSource`. Otherwise
 * no event, so that it connects again, to this server or to another one.
 *
 * @param skippedId Of the entry that `map` left out last, with none sent after it: an `EventSource` that connects again
 * goes on behind it. Without that it would be sent the same end each time.
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

/** Throws for a promise, which would be `{}` as JSON. */
function mapped(value: unknown): string | undefined {
  if (catchRejection(value, () => {})) throw new TypeError('map must answer at once, not with a promise');
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
