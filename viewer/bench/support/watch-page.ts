import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

/** What a page has seen: texts and rows with the time at which the frame that shows them was painted, and long tasks. */
export interface Seen {
  /** Numbers of records in conversations. */
  readonly words: readonly (readonly [number: number, emitted: number, painted: number])[];
  /** Sessions in the list, with the number of entries in the row. */
  readonly rows: readonly (readonly [session: string, entries: number, painted: number])[];
  readonly longTasks: readonly (readonly [start: number, millis: number])[];
  readonly frames: readonly number[];
}

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
}

/** Opens the page and notes what it paints. */
export async function watchPage(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_600, height: 1_000 } });
  await page.addInitScript({ path: fileURLToPath(new URL('note-what-is-painted.js', import.meta.url)) });
  await page.goto(address);
  return page;
}

export function seenBy(page: Page): Promise<Seen> {
  return page.evaluate('seen');
}
