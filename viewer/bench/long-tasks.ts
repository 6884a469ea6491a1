/**
 * What the main thread of the page does while an answer streams at 200 tokens a second: from its beginning, and late in an answer of
 * 60,000 characters. Stock SDK and exporter, `dev` in a process of its own, Chromium without a window. Target: no task over 50 ms.
 *
 *     npm run bench:long-tasks --workspace viewer [-- SECONDS TOKENS_A_SECOND CHARACTERS]
 */
import { percentile } from './support/percentile.ts';
import { startApplication } from './support/start-application.ts';
import { startViewer } from './support/viewer-process.ts';
import { openBrowser, seenBy, watchPage } from './support/watch-page.ts';

const [seconds = 10, rate = 200, characters = 60_000] = process.argv.slice(2).map(Number);
/** Loading the page, and what it shows at first, is another question. */
const WARM_MILLIS = 2_000;

const browser = await openBrowser();
const table: Record<string, object> = {};
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
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const busy = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
  };
  const [from, busyBefore] = [await page.evaluate(() => performance.now()), await busy()];
  const { millis } = await application.go();
  const share = ((await busy()) - busyBefore) / seconds;
  await page.waitForTimeout(500);
  const { words, longTasks } = await seenBy(page);
  const tasks = longTasks.filter(([at]) => at > from).map(([, took]) => took);
  table[`after ${charsBefore} characters`] = {
    tokens: millis.length,
    'not on the page': millis.length - new Set(words.map(([number]) => number)).size,
    'to paint p95 ms': percentile(
      words.map(([, at, painted]) => painted - at),
      0.95,
    ),
    'tasks over 50 ms': tasks.length,
    'longest ms': Math.max(0, ...tasks),
    'main thread busy': `${Math.round(share * 100)} %`,
  };
  await page.close();
  viewer.end();
}
await browser.close();
console.table(table);
