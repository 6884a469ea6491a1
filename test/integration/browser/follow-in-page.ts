/** Runs in the page: follows `url` as docs/screen.md says, with the client that the page's URL names. */
import { createEventSource } from 'eventsource-client';

import type { FollowInPage } from './followed-page.ts';

/** What a page has, of which the types of Node know nothing. */
declare const location: { readonly search: string };
declare const window: { followed: FollowInPage };
declare class EventSource {
  static readonly CLOSED: number;
  readonly readyState: number;
  constructor(url: string);
  addEventListener(type: string, listener: (event: { readonly data: string }) => void): void;
  close(): void;
}

const query = new URLSearchParams(location.search);
const url = '/events';
const token = query.get('token') ?? '';
const seen: string[] = [];

function show(event: string, data: unknown): void {
  seen.push(event === 'message' ? (data as { message: string }).message : `${event} ${JSON.stringify(data)}`);
}

function followWithEventSource(): FollowInPage {
  const events = new EventSource(url);
  events.addEventListener('message', ({ data }) => show('message', JSON.parse(data)));
  events.addEventListener('gap', ({ data }) => show('gap', JSON.parse(data)));
  events.addEventListener('end', ({ data }) => {
    show('end', JSON.parse(data));
    if (!query.has('stays')) events.close();
  });
  return {
    seen,
    get isClosed() {
      return events.readyState === EventSource.CLOSED;
    },
  };
}

async function followWithClient(): Promise<void> {
  // recipe: eventsource-client
  const events = createEventSource({
    url,
    headers: { authorization: `Bearer ${token}` },
    // It does not look at the status: without this it asks again after a 403, for ever.
    fetch: async (...request) => {
      const response = await fetch(...request);
      if (response.status === 403) events.close();
      return response;
    },
  });
  for await (const { event = 'message', data } of events) {
    show(event, JSON.parse(data));
    if (event === 'end') break;
  }
  events.close(); // leaving the loop does not
  // end
}

/** As above, and goes on after the end. */
async function stayWithClient(): Promise<void> {
  for await (const { event = 'message', data } of createEventSource(url)) show(event, JSON.parse(data));
}

function untilOver(work: Promise<void>): FollowInPage {
  let isClosed = false;
  void work.then(() => (isClosed = true));
  return {
    seen,
    get isClosed() {
      return isClosed;
    },
  };
}

if (query.get('client') === 'EventSource') window.followed = followWithEventSource();
else window.followed = untilOver(query.has('stays') ? stayWithClient() : followWithClient());
