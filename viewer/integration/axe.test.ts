import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { DevServer } from '../src/dev/dev-server.ts';
import { DEMO_SESSION, writeDemoSessions } from '../test/support/demo-sessions.ts';
import { SessionScript } from '../test/support/records.ts';
import { violationsOf } from './support/axe.ts';
import { describePage } from './support/chromium.ts';
import type { Opened } from './support/chromium.ts';

const FOLLOW = `#follow=s:${DEMO_SESSION}`;

interface State {
  readonly name: string;
  readonly isEmpty?: boolean;
  readonly view?: (server: DevServer) => string;
  /** Brings the page into the state, and waits until it is in it. */
  readonly reach: (opened: Opened) => Promise<void>;
}

function seen(page: Page, text: string | RegExp): Promise<void> {
  return page.getByText(text).first().waitFor();
}

const STATES: readonly State[] = [
  { name: 'empty', isEmpty: true, reach: ({ page }) => seen(page, 'No session yet.') },
  { name: 'the list', reach: ({ page }) => page.locator('.row').first().waitFor() },
  { name: 'a session', view: () => FOLLOW, reach: ({ page }) => seen(page, 'A new lamp leaves') },
  {
    name: 'sessions side by side',
    view: () => `${FOLLOW}&pin=s:chat-5f0c`,
    reach: ({ page }) => seen(page, 'Where is my parcel?'),
  },
  {
    name: 'what is folded, opened',
    view: () => FOLLOW,
    reach: async ({ page }) => {
      await page.locator('summary').first().waitFor();
      await page.locator('summary').first().click();
      await page.locator('details[open]').first().waitFor();
    },
  },
  {
    name: 'the details of an answer',
    view: ({ model }) =>
      `${FOLLOW}&block=${model.find(DEMO_SESSION)?.blocks.find(({ type }) => type === 'answer')?.id}`,
    reach: ({ page }) =>
      page.getByRole('complementary', { name: 'Details' }).getByText('first token').first().waitFor(),
  },
  {
    name: 'the details of an error',
    view: ({ model }) => `${FOLLOW}&block=${model.find(DEMO_SESSION)?.blocks.find(({ isFailed }) => isFailed)?.id}`,
    reach: ({ page }) => seen(page, 'at Warehouse.reserve'),
  },
  { name: 'a search', view: () => '#text=lamp', reach: ({ page }) => page.locator('mark').first().waitFor() },
  {
    name: 'a search without a hit',
    view: () => '#search=nobody',
    reach: ({ page }) => page.locator('.row').first().waitFor({ state: 'detached' }),
  },
  {
    name: 'a replay',
    view: () => `${FOLLOW}&replay=3000`,
    reach: ({ page }) => page.getByRole('slider').first().waitFor(),
  },
  {
    name: 'disconnected',
    view: () => FOLLOW,
    reach: async ({ server, page }) => {
      await seen(page, 'A new lamp leaves');
      await server.close();
      await seen(page, 'The viewer does not answer.');
    },
  },
  {
    name: 'overloaded',
    view: () => FOLLOW,
    reach: async ({ server, page }) => {
      await seen(page, 'A new lamp leaves');
      const script = new SessionScript(server.model, DEMO_SESSION);
      const stop = setInterval(() => script.log('more'), 20);
      await page.evaluate('busy = setInterval(() => { for (let end = Date.now() + 450; Date.now() < end; ); }, 0)');
      await seen(page, 'More arrives than this page can draw.');
      await page.evaluate('clearInterval(busy)');
      clearInterval(stop);
    },
  },
  {
    name: 'paused',
    view: () => FOLLOW,
    reach: async ({ page }) => {
      await seen(page, 'A new lamp leaves');
      await page.keyboard.press('p');
      await seen(page, /^Paused/);
    },
  },
  {
    name: 'the keys',
    reach: async ({ page }) => {
      await page.locator('.row').first().waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  },
];

const LOOKS = {
  light: { colorScheme: 'light', width: 1_360 },
  dark: { colorScheme: 'dark', width: 1_360 },
  'light, 390 px': { colorScheme: 'light', width: 390 },
  'dark, 390 px': { colorScheme: 'dark', width: 390 },
} as const;

describePage('axe-core finds nothing wrong with the page', (open) => {
  it.each(STATES)('$name', async ({ isEmpty = false, view, reach }) => {
    let hash = '';
    const opened = await open({
      prepare: (server) => {
        if (!isEmpty) writeDemoSessions(server.model);
        hash = view?.(server) ?? '';
      },
    });
    const { server, page } = opened;
    // Which blocks there are is known when the server is there.
    await page.goto(`${server.endpoint}/${hash}`);
    await reach(opened);
    const found: string[] = [];
    for (const [look, { colorScheme, width }] of Object.entries(LOOKS)) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 860 });
      found.push(...(await violationsOf(page)).map((violation) => `${look}: ${violation}`));
    }
    expect(found).toEqual([]);
  });
});
