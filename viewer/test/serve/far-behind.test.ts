import { expect, it } from 'vitest';

import type { BlocksEvent, StateEvent } from '../../src/serve/protocol.ts';
import { askJson, startServer } from '../support/dev-server.ts';
import { PageEvents } from '../support/page-events.ts';
import { SessionScript } from '../support/records.ts';

it.each([
  [19_999, 'x', undefined],
  [20_000, 'x', true],
  [17, 'x'.repeat(1_040_000), true],
] as const)(
  'a page that comes back after %i blocks begins with the newest ones anew only if they are too many or too long at once',
  async (count, text, isReset) => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'abc').log('first');
    const { boot, cursor } = await askJson<StateEvent>(`${server.endpoint}/api/state`);
    for (let at = 0; at < count; at += 1) {
      // A log is cut where it is shown; an answer is not.
      if (text.length === 1) script.log(text);
      else script.mark('stream_start').chunk(text).mark('stream_end');
    }
    script.log('last');
    const page = PageEvents.open(`${server.endpoint}/api/stream?limit=0&follow=s:abc&after=${boot}-${cursor}`);
    await page.until(() => page.texts('s:abc').at(-1) === 'last');
    const [event] = page.named<BlocksEvent>('blocks');
    expect(event?.isReset).toBe(isReset);
    expect(page.conversations.get('s:abc')?.hasOlder).toBe(isReset === true);
  },
);
