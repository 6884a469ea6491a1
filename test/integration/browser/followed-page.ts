import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { buildSync } from 'esbuild';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

export const CHROMIUM: string = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
export const HAS_CHROMIUM: boolean = existsSync(CHROMIUM);

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
}

/** What a page does to follow a session, in `follow-in-page.ts`. */
export interface FollowInPage {
  readonly seen: string[];
  /** It does not connect again. */
  readonly isClosed: boolean;
}

/** `follow-in-page.ts` with what it imports, as a script for a page. */
export function followScript(): string {
  const { outputFiles } = buildSync({
    entryPoints: [join(import.meta.dirname, 'follow-in-page.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
  });
  return outputFiles[0]?.text ?? '';
}

/** What functions that run in the page may name. */
declare const window: { readonly followed: FollowInPage };

/** What the page has seen until now. */
export function seenBy(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => window.followed.seen);
}

/** Resolves when the page has seen so much. */
export async function sees(page: Page, count: number): Promise<readonly string[]> {
  await page.waitForFunction((count) => window.followed.seen.length >= count, count);
  return seenBy(page);
}

/** Resolves when the page does not connect again. */
export async function isClosed(page: Page): Promise<void> {
  await page.waitForFunction(() => window.followed.isClosed);
}
