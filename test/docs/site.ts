/**
 * Looks at the built site in Chromium: no page asks anything of another host, complains, lacks a picture, or is wider
 * than a phone, and axe-core finds nothing wrong with some of them, light and dark.
 *
 *   npm run docs && npm run docs:site
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';
import type { BrowserContext, Page } from 'playwright-core';

import { violationsOf } from '../../viewer/integration/support/axe.ts';

const DIST = join(import.meta.dirname, '../../docs/.vitepress/dist');
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
/** No server is needed: each file is read from the disk. */
const ORIGIN = 'http://docs.invalid';

/** One page of each kind; the reference has a hundred and fifty of its own. */
const FOR_AXE = [
  'index.html',
  '404.html',
  'start.html',
  'run.html',
  'viewer.html',
  'reference/otel-session-logs/index.html',
  'reference/otel-session-logs/classes/SessionLogs.html',
];
const LOOKS = [
  { colorScheme: 'light', width: 1_440 },
  { colorScheme: 'dark', width: 390 },
] as const;

/** The theme's search button shows its key, `K`, without having it in its name. */
const isKnown = (violation: string): boolean => /^label-content-name-mismatch: .* at \.DocSearch\b/u.test(violation);

const faults: string[] = [];

async function openFromDisk(context: BrowserContext): Promise<Page> {
  await context.route('**/*', async (route) => {
    const { origin, pathname } = new URL(route.request().url());
    const path = join(DIST, decodeURIComponent(pathname));
    if (origin === ORIGIN && existsSync(path)) return route.fulfill({ path });
    faults.push(`${page.url()} asks for ${route.request().url()}`);
    return route.abort();
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

/** What is wrong with the page at its present width. */
const LOOK = `[
  ...[...document.images].filter((image) => image.complete && image.naturalWidth === 0).map(({ src }) => 'no picture at ' + src),
  ...(document.documentElement.scrollWidth > innerWidth ? ['wider than ' + innerWidth + ' px'] : []),
  ...(document.title === '' ? ['no title'] : []),
]`;

if (!existsSync(DIST)) throw new Error('there is no site yet: npm run docs');
if (existsSync(CHROMIUM)) {
  const guide = readdirSync(DIST).filter((path) => path.endsWith('.html'));
  const pages = new Set([...guide, ...FOR_AXE]);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  await Promise.all(
    LOOKS.map(async ({ colorScheme, width }) => {
      const page = await openFromDisk(await browser.newContext({ colorScheme, viewport: { width, height: 900 } }));
      for (const path of pages) {
        await page.goto(`${ORIGIN}/${path}`, { waitUntil: 'networkidle' });
        const found = await page.evaluate<string[]>(LOOK);
        if (FOR_AXE.includes(path))
          found.push(...(await violationsOf(page)).filter((violation) => !isKnown(violation)));
        faults.push(...found.map((fault) => `${path}, ${colorScheme}, ${width} px: ${fault}`));
      }
    }),
  );
  await browser.close();
  for (const fault of faults) console.error(fault);
  console.log(`${pages.size} pages, ${FOR_AXE.length} of them with axe-core: ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  console.log(`skipped: there is no Chromium at ${CHROMIUM}`);
}
