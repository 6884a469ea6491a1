import { MASKED_ERROR } from '../entry/capture.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { EndReason } from '../read/end-reason.ts';
import { reporterFor } from '../support/reporter.ts';

// Blocks of a `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html). Every value is JSON,
// in which CR and LF are escaped, so no text can break an event or begin another one.

/** What of an entry reaches a browser. */
export interface EntryFormat {
  readonly map: ((entry: LogEntry) => unknown) | undefined;
  readonly onError: ((attributes: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
}

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
 * The last event.
 *
 * @param skippedId Of the entry that `map` left out last, with none sent after it: an `EventSource` that connects again
 * goes on behind it. Without that it would be sent the same end each time.
 */
export function endEvent(reason: EndReason | undefined, skippedId: string | undefined): string {
  const id = skippedId === undefined ? '' : `id: ${skippedId}\n`;
  return `${id}event: end\ndata: ${JSON.stringify({ reason })}\n\n`;
}

function dataOf(entry: LogEntry, format: EntryFormat): string | undefined {
  try {
    const shown = entry.kind === 'error' ? { ...entry, message: errorText(entry, format) } : entry;
    const { kind, message, timestamp } = shown;
    return JSON.stringify(format.map === undefined ? { kind, message, timestamp } : format.map(shown));
  } catch (error) {
    reporter.limited('map', 'an entry could not be mapped to JSON and is left out of its event stream', error);
    return undefined;
  }
}

function errorText(entry: LogEntry, { onError }: EntryFormat): string {
  if (onError === undefined) return MASKED_ERROR;
  const exception = Object.entries(entry.attributes ?? {}).filter(([key]) => key.startsWith('exception.'));
  try {
    return onError(Object.fromEntries(exception)) ?? MASKED_ERROR;
  } catch (error) {
    reporter.limited('onError', 'onError threw; the error stays masked', error);
    return MASKED_ERROR;
  }
}
