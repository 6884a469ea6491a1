import { chromium } from 'playwright-core';
import type { BrowserContextOptions, Page } from 'playwright-core';

import { DevServer } from '../src/dev/dev-server.ts';
import type { StaticPage } from '../src/serve/static-page.ts';
import { buildPage } from '../test/support/built-page.ts';
import { smallPng } from './small-png.ts';
import { DEMO_NOW, DEMO_SESSION, writeDemoSessions } from '../test/support/demo-sessions.ts';

export interface Picture {
  readonly name: string;
  readonly png: Buffer;
}

const WIDE: BrowserContextOptions = { viewport: { width: 1_360, height: 860 } };
const NARROW: BrowserContextOptions = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };

/** Each picture by its name, and what is chosen on it. */
const PICTURES: readonly {
  readonly name: string;
  readonly context: BrowserContextOptions;
  readonly hasDetails: boolean;
}[] = [
  { name: 'viewer-light.png', context: { ...WIDE, colorScheme: 'light' }, hasDetails: true },
  { name: 'viewer-dark.png', context: { ...WIDE, colorScheme: 'dark' }, hasDetails: true },
  { name: 'viewer-narrow.png', context: { ...NARROW, colorScheme: 'light' }, hasDetails: false },
  { name: 'viewer-narrow-dark.png', context: { ...NARROW, colorScheme: 'dark' }, hasDetails: false },
];

/**
 * Takes the pictures of the page with the sessions of the demo. The clock stands still, so that each run makes the same pictures.
 */
export async function takePictures(): Promise<readonly Picture[]> {
  const { page } = await buildPage();
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  const pictures: Picture[] = [];
  try {
    for (const { name, context, hasDetails } of PICTURES) {
      const opened = await browser.newPage({ ...context, timezoneId: 'UTC', locale: 'en-US', reducedMotion: 'reduce' });
      pictures.push({ name, png: await pictureOf(opened, page, hasDetails) });
      await opened.close();
    }
  } finally {
    await browser.close();
  }
  return pictures;
}

async function pictureOf(opened: Page, page: StaticPage, hasDetails: boolean): Promise<Buffer> {
  const server = new DevServer({ port: 0, page, now: () => DEMO_NOW });
  await server.start();
  try {
    writeDemoSessions(server.model);
    await opened.clock.setFixedTime(DEMO_NOW);
    const block = server.model.find(DEMO_SESSION)?.blocks.findLast(({ isOpen, type }) => type === 'answer' && !isOpen);
    const view = new URLSearchParams({
      follow: `s:${DEMO_SESSION}`,
      ...(hasDetails ? { block: String(block?.id) } : {}),
    });
    await opened.goto(`${server.endpoint}/#${view.toString()}`);
    await opened.getByText('A new lamp leaves').first().waitFor();
    if (hasDetails)
      await opened.getByRole('complementary', { name: 'Details' }).getByText('first token').first().waitFor();
    await opened.evaluate('document.fonts.ready');
    return smallPng(await opened.screenshot({ animations: 'disabled', caret: 'hide' }));
  } finally {
    await server.close();
  }
}
