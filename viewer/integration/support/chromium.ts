import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';

import type { DevServer, DevServerOptions } from '../../src/dev/dev-server.ts';
import type { StaticPage } from '../../src/serve/static-page.ts';
import { buildPage } from '../../test/support/built-page.ts';
import { startServer } from '../../test/support/dev-server.ts';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const hasChromium = existsSync(CHROMIUM);

export interface Opened {
  readonly server: DevServer;
  readonly page: Page;
  /** Complaints of the browser, dialogs, and requests to other servers. */
  readonly complaints: string[];
}

export interface Opening {
  /** Puts records into the server before the page is opened. */
  readonly prepare?: (server: DevServer) => void;
  /** The hash of the address. */
  readonly view?: string;
  readonly context?: BrowserContextOptions;
  readonly server?: Partial<DevServerOptions>;
}

/** Opens the page on a viewer of its own; both end with the test. */
export type OpenPage = (opening?: Opening) => Promise<Opened>;

/** Opens an empty page, which ends with the test. */
export type NewPage = (context?: BrowserContextOptions) => Promise<Page>;

/** Tests of the page in a real browser; skipped, visibly, where there is none. */
export function describePage(name: string, tests: (open: OpenPage, newPage: NewPage) => void): void {
  describe.skipIf(!hasChromium)(`${name}${hasChromium ? '' : `: there is no Chromium at ${CHROMIUM}`}`, () => {
    let browser: Browser;
    let built: StaticPage;

    beforeAll(async () => {
      built = (await buildPage()).page;
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    });
    afterAll(() => browser.close());

    const newPage: NewPage = async (context) => {
      const page = await browser.newPage(context);
      onTestFinished(() => page.close());
      return page;
    };
    const open: OpenPage = async ({ prepare, view = '', context, server: options } = {}) => {
      const server = await startServer({ page: built, ...options });
      prepare?.(server);
      const page = await newPage(context);
      const complaints = complaintsOf(page, server.endpoint);
      await page.goto(`${server.endpoint}/${view}`);
      return { server, page, complaints };
    };
    tests(open, newPage);
  });
}

function complaintsOf(page: Page, endpoint: string): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(endpoint)) complaints.push(`request to ${request.url()}`);
  });
  return complaints;
}
