/**
 * How long a record takes from its timestamp in an application to a painted frame of the page, with 5,000 records a second over
 * 1,000 sessions. It uses the stock SDK and exporter (OTLP/HTTP, protobuf), `dev` in a process of its own, and Chromium without a
 * window. The page shows the list and follows four of the sessions. Target: p95 100 ms with an exporter that waits 20 ms.
 *
 *     npm run bench:paint --workspace viewer [-- SECONDS RECORDS_A_SECOND SESSIONS DELAY_OF_THE_EXPORTER --write]
 */
import { keepMeasured, numbers } from './support/arguments.ts';
import { percentile } from './support/percentile.ts';
import { sessionOf } from './support/application.ts';
import type { Plan } from './support/application.ts';
import { startApplication } from './support/start-application.ts';
import { tasksDuring } from './support/tasks.ts';
import { startViewer } from './support/viewer-process.ts';
import { openBrowser, seenBy, watchPage } from './support/watch-page.ts';

const [seconds = 20, rate = 5_000, sessions = 1_000, delayMillis = 20] = numbers;
/** The records before this time only warm up. */
const WARM_MILLIS = 3_000;

const viewer = await startViewer();
const browser = await openBrowser();
const plan: Plan = { endpoint: viewer.endpoint, rate, sessions, seconds, delayMillis, charsBefore: 0 };
const application = await startApplication(plan);
const followed = [0, 1, 2, 3].map((at) => `s:session-${at * 10}`);
const [first = '', ...pins] = followed;
const view = new URLSearchParams([['follow', first], ...pins.map((pin): [string, string] => ['pin', pin])]);
const page = await watchPage(browser, `${viewer.endpoint}/#${view.toString()}`);
await page.getByText('session-0').first().waitFor();

const before = viewer.cpuMillis();
const start = performance.timeOrigin + performance.now();
let millis: readonly number[] = [];
const tasks = await tasksDuring(browser, page, async () => {
  ({ millis } = await application.go());
});
const cpu = (viewer.cpuMillis() - before) / (performance.timeOrigin + performance.now() - start);
// What is under way is painted a few frames later.
await page.waitForTimeout(500);
const { words, rows, longTasks, frames } = await seenBy(page);
await browser.close();
viewer.end();

const warm = start + WARM_MILLIS;
const wordMillis = words.filter(([, at]) => at > warm).map(([, at, painted]) => painted - at);
/**
 * A row has the number of entries of its session: the mark that begins it, and then one record for each round over all sessions.
 */
const rowMillis = rows.flatMap(([session, entries, painted]) => {
  const at = millis[(entries - 2) * sessions + Number(session.slice('session-'.length))];
  return at === undefined || at < warm ? [] : [painted - at];
});
const shown = new Set(words.map(([number]) => number));
const followedNames = new Set(followed.map((key) => key.slice(2)));
const lost = millis.filter((_, number) => followedNames.has(sessionOf(number, plan)) && !shown.has(number)).length;
const summary = (all: readonly number[]): object => ({
  seen: all.length,
  'p50 ms': percentile(all, 0.5),
  'p95 ms': percentile(all, 0.95),
  'p99 ms': percentile(all, 0.99),
  'worst ms': percentile(all, 1),
});
console.log(
  `${millis.length} records in ${seconds} s over ${sessions} sessions; the exporter waits ${delayMillis} ms for more`,
);
console.table({ 'text of a session': summary(wordMillis), 'entries in a row': summary(rowMillis) });
console.log(
  JSON.stringify({
    'records of the sessions shown that are not on the page': lost,
    'tasks over 50 ms in the page': longTasks.filter(([at]) => at > WARM_MILLIS).map(([, took]) => Math.round(took)),
    'longest task of the page, ms of CPU': Math.round(Math.max(0, ...tasks.map((task) => task.cpu))),
    'page, share of a core': Math.round(tasks.reduce((sum, task) => sum + task.cpu, 0) / seconds / 10) / 100,
    'frames a second': Math.round(frames.length / (((frames.at(-1) ?? 0) - (frames[0] ?? 0)) / 1_000)),
    'viewer, share of a core': Math.round(cpu * 100) / 100,
  }),
);
const [text, row] = [percentile(wordMillis, 0.95).toFixed(0), percentile(rowMillis, 0.95).toFixed(0)];
keepMeasured(
  "from a record's timestamp to a painted frame, p95, 5,000 records a second over 1,000 sessions",
  `${text} ms (text), ${row} ms (rows)`,
);
