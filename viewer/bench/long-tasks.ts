/**
 * What the main thread of the page does while an answer streams at 200 tokens a second: from its beginning, and late in an answer
 * of 60,000 characters. It uses the stock SDK and exporter, `dev` in a process of its own, and Chromium without a window. Target:
 * no task over 50 ms.
 *
 *     npm run bench:long-tasks --workspace viewer [-- SECONDS TOKENS_A_SECOND CHARACTERS --write]
 */
import { keepMeasured, numbers } from './support/arguments.ts';
import { percentile } from './support/percentile.ts';
import { startApplication } from './support/start-application.ts';
import { startViewer } from './support/viewer-process.ts';
import { tasksDuring } from './support/tasks.ts';
import { openBrowser, seenBy, watchPage } from './support/watch-page.ts';

const [seconds = 10, rate = 200, characters = 60_000] = numbers;
/** Leaves out how the page loads and shows what is there at first. */
const WARM_MILLIS = 2_000;
const LONG_MILLIS = 50;

const browser = await openBrowser();
const table: Record<string, object> = {};
const measured: string[] = [];
for (const charsBefore of [0, characters]) {
  const viewer = await startViewer();
  const plan = { endpoint: viewer.endpoint, rate, sessions: 1, seconds, delayMillis: 20, charsBefore };
  const application = await startApplication(plan);
  const page = await watchPage(browser, `${viewer.endpoint}/#follow=s:session-0`);
  await page
    .getByText(charsBefore === 0 ? 'session-0' : /so far, so good/)
    .first()
    .waitFor();
  await page.waitForTimeout(WARM_MILLIS);
  let sent = 0;
  const tasks = await tasksDuring(browser, page, async () => {
    const { millis } = await application.go();
    sent = millis.length;
    await page.waitForTimeout(500);
  });
  const { words } = await seenBy(page);
  const longest = (all: readonly number[]): string => Math.max(0, ...all).toFixed(0);
  table[`after ${charsBefore} characters`] = {
    tokens: sent,
    'not on the page': sent - new Set(words.map(([number]) => number)).size,
    'to paint p95 ms': percentile(
      words.map(([, at, painted]) => painted - at),
      0.95,
    ),
    'tasks over 50 ms': tasks.filter(({ wall }) => wall > LONG_MILLIS).length,
    'longest ms': longest(tasks.map(({ wall }) => wall)),
    'over 50 ms of CPU': tasks.filter(({ cpu }) => cpu > LONG_MILLIS).length,
    'longest ms of CPU': longest(tasks.map(({ cpu }) => cpu)),
    'main thread computes': `${Math.round(tasks.reduce((sum, { cpu }) => sum + cpu, 0) / seconds / 10)} %`,
  };
  const long = tasks.filter(({ wall }) => wall > LONG_MILLIS).length;
  const where = charsBefore === 0 ? '' : ` after ${charsBefore.toLocaleString('en')} characters`;
  measured.push(`${long === 0 ? 'none' : long}${where}, the longest ${longest(tasks.map(({ wall }) => wall))} ms`);
  await page.close();
  viewer.end();
}
await browser.close();
console.table(table);
keepMeasured(
  'tasks of the page over 50 ms while an answer streams at 200 tokens a second, also after 60,000 characters',
  measured.join('; '),
);
