import type { Browser } from 'playwright-core';

import type { AnyEventSource, EventSourceClass } from './event-sources.ts';

type Listener = Parameters<AnyEventSource['addEventListener']>[1];

/** What functions that run in the page may name. */
declare const window: {
  events: { readonly readyState: number; close(): void };
  report(type: string, data: string): void;
};
declare class EventSource {
  readonly readyState: number;
  constructor(url: string);
  addEventListener(type: string, listener: (event: { readonly data: string }) => void): void;
  close(): void;
}

const TYPES = ['message', 'gap', 'end'];

/** That of a page in Chromium, as the others are. One at a time. */
export async function chromiumEventSource(browser: Browser): Promise<readonly [string, EventSourceClass]> {
  const page = await browser.newPage();
  const listeners = new Map<string, Listener[]>();
  await page.exposeFunction('report', (type: string, data: string) => {
    for (const listener of listeners.get(type) ?? []) listener({ data });
  });
  return [
    'Chromium',
    class {
      static readonly CLOSED = 2;
      readonly readyState = 1;

      constructor(url: string) {
        listeners.clear();
        const open = ([url = '', ...types]: string[]): void => {
          const events = new EventSource(url);
          window.events = events;
          for (const type of types) events.addEventListener(type, ({ data }) => window.report(type, data));
        };
        void page.evaluate(open, [url, ...TYPES]);
      }

      addEventListener(type: string, listener: Listener): void {
        listeners.set(type, [...(listeners.get(type) ?? []), listener]);
      }

      close(): void {
        void page.evaluate(() => window.events.close());
      }
    },
  ];
}
