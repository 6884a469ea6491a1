import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { freePorts } from '../free-ports.ts';
import { CLIENTS } from './clients.ts';

const LONG_MILLIS = 3_600_000;

describe('the end of an instance while Redis is away', () => {
  for (const [name, makeClient] of Object.entries(CLIENTS)) {
    describe(`over ${name}`, () => {
      let store: RedisSessionStore;
      let sessions: SessionLogs;

      beforeEach(async () => {
        const [port] = await freePorts(1);
        store = new RedisSessionStore({ client: makeClient(port as number) });
        sessions = new SessionLogs({ store });
        for (let index = 0; index < 10; index += 1) await sessions.logChunkToQueue(String(index), 's');
      });
      // Closed by most of them: then the time counts for nothing.
      afterEach(() => store.close(0).catch(() => {}));

      it('shutdown rejects with the number that waits, in the time given, and counts it', async () => {
        const error: unknown = await sessions.shutdown({ timeoutMillis: 50 }).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'shutdown_timeout', pending: 10 });
        expect(sessions.stats()).toMatchObject({ entries: 0, lost: { after_shutdown: 10 } });
        await sessions.logChunkToQueue('late', 's');
        expect(sessions.stats().lost).toEqual({ after_shutdown: 11 });
      });

      it('forceFlush rejects with the number that waits, in the time given, and loses nothing', async () => {
        await expect(sessions.forceFlush({ timeoutMillis: 50 })).rejects.toMatchObject({
          code: 'flush_timeout',
          pending: 10,
        });
        expect(sessions.stats()).toMatchObject({ entries: 10, lost: {} });
      });

      it('the shortest of the times counts: the provider, or the store itself, gave more', async () => {
        const byProvider = sessions.processor.shutdown({ timeoutMillis: LONG_MILLIS });
        const byStore = store.close(LONG_MILLIS);
        const results = await Promise.allSettled([sessions.shutdown({ timeoutMillis: 50 }), byProvider, byStore]);
        for (const each of results) expect(each).toMatchObject({ status: 'rejected', reason: { pending: 10 } });
        expect(sessions.stats().lost).toEqual({ after_shutdown: 10 });
      });
    });
  }
});
