import { afterEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { cutChats, cutEventSource } from '../support/cut-connections.ts';
import { EVENT_SOURCES } from '../support/event-sources.ts';
import { randomNumbers } from '../support/properties.ts';

const CUTS = 60;

// `npm run soak:cuts` cuts 1,000 times, and test/integration/redis/cut-connections.test.ts over Redis.
describe(`${CUTS} connections cut at random bytes: nothing is lost or doubled`, () => {
  const sessions = new SessionLogs();
  afterEach(() => expect.poll(() => sessions.stats().readers, { timeout: 10_000 }).toBe(0));

  it.each(EVENT_SOURCES)('of a page with an EventSource of %s', async (name, Source) => {
    const tally = await cutEventSource({ machines: [sessions], cuts: CUTS, random: randomNumbers() }, name, Source);
    expect(tally).toMatchObject({ lost: 0, doubled: 0 });
    expect(tally.cuts).toBeGreaterThanOrEqual(CUTS);
  });

  it('of chats of AI SDK with its own transport', async () => {
    const tally = await cutChats({ machines: [sessions], cuts: CUTS, random: randomNumbers() });
    expect(tally).toMatchObject({ lost: 0, doubled: 0 });
    expect(tally.cuts).toBeGreaterThanOrEqual(CUTS);
  });
});
