/**
 * A thousand connections cut at random bytes, for each way in which a browser reads a session: `EventSource`, and the chats
 * of AI SDK with their own transport. Over the memory store, and over Redis with two machines.
 *
 *     npm run soak:cuts              1,000 cuts
 *     npm run soak:cuts -- 100       another number
 *     npm run soak:cuts -- 1000 Node Redis     those with these words in their name
 *
 * Exits with 1 when anything was lost or doubled. `SEED=7` cuts elsewhere.
 */
import { createClient } from 'redis';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { CHROMIUM, HAS_CHROMIUM, startChromium } from '../integration/browser/followed-page.ts';
import { REDIS, TestServer } from '../integration/redis/server.ts';
import { chromiumEventSource } from '../support/chromium-event-source.ts';
import { cutChats, cutEventSource } from '../support/cut-connections.ts';
import type { CutPlan, CutTally } from '../support/cut-connections.ts';
import { EVENT_SOURCES } from '../support/event-sources.ts';
import { randomNumbers } from '../support/properties.ts';

const [wanted = '1000', ...words] = process.argv.slice(2);
const cuts = Number(wanted);
const random = randomNumbers();

const browser = HAS_CHROMIUM ? await startChromium() : undefined;
if (browser === undefined) console.log(`Chromium: skipped, there is none at ${CHROMIUM} (set CHROMIUM_PATH)`);
const sources = browser === undefined ? EVENT_SOURCES : [...EVENT_SOURCES, await chromiumEventSource(browser)];

const WAYS: readonly (readonly [string, (plan: CutPlan) => Promise<CutTally>])[] = [
  ...sources.map(
    ([name, Source]) => [`EventSource of ${name}`, (plan: CutPlan) => cutEventSource(plan, name, Source)] as const,
  ),
  ['the transport of AI SDK', cutChats],
];

async function runAll(store: string, machines: CutPlan['machines']): Promise<void> {
  for (const [name, run] of WAYS) {
    if (!words.every((word) => `${name}, ${store}`.includes(word))) continue;
    const began = performance.now();
    const tally = await run({ machines, cuts, random });
    const seconds = Math.round((performance.now() - began) / 1_000);
    console.log(`${name}, ${store}, ${seconds} s:`, JSON.stringify(tally));
    if (tally.lost !== 0 || tally.doubled !== 0) process.exitCode = 1;
  }
  await Promise.all(machines.map((machine) => machine.shutdown()));
}

await runAll('memory', [new SessionLogs()]);
if (REDIS === undefined) console.log('Redis: skipped, there is no redis-server on this machine');
else {
  const server = await TestServer.start();
  const machine = (): SessionLogs =>
    new SessionLogs({
      store: new RedisSessionStore({ client: createClient({ url: `redis://127.0.0.1:${server.port}` }) }),
    });
  await runAll('Redis', [machine(), machine()]);
  await server.stop();
}
await browser?.close();
