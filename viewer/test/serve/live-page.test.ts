import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { withBlocks } from '../../page/src/blocks.ts';
import type { Conversation } from '../../page/src/blocks.ts';
import { runs } from '../../../test/support/properties.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import type { Session } from '../../src/model/session.ts';
import { blockChange } from '../../src/serve/encode.ts';
import { replayOf } from '../../src/serve/replay.ts';
import { SessionScript } from '../support/records.ts';
import { SESSION_STEPS } from '../support/session-steps.ts';

it('a page that follows a session live, and a replay, have what a page has that comes late', async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(...SESSION_STEPS), fc.boolean()), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(steps, async (played) => {
      const model = new SessionModel();
      const script = new SessionScript(model, 'abc').log('first');
      const session = model.find('abc') as Session;
      let [cursor, live] = [0, undefined as Conversation | undefined];
      const look = (): void => {
        const blocks = session.changedSince(cursor).map((block) => blockChange(block, cursor));
        live = withBlocks(live, { key: '', blocks });
        cursor = model.cursor;
      };
      for (const [step, isLookedAt] of played) {
        step(script, session);
        if (isLookedAt) look();
      }
      look();
      const { steps: replayed } = await replayOf(session, new AbortController().signal);
      const replay = withBlocks(undefined, { key: '', blocks: replayed.flatMap(({ changes }) => changes) });
      const late = withBlocks(undefined, { key: '', blocks: session.blocks.map((block) => blockChange(block)) });
      expect([live?.blocks, replay.blocks]).toEqual([late.blocks, late.blocks]);
    }),
    runs(300),
  );
});
