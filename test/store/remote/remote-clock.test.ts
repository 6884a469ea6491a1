import { afterEach, describe, expect, it, vi } from 'vitest';

import { RemoteRefusal, RemoteSessionStore } from '../../../src/remote.ts';
import type { RemoteAppend } from '../../../src/remote.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { withVirtualTime } from '../../support/virtual-time.ts';

const HOUR_MILLIS = 3_600_000;

describe('a clock that is set while a remote log is used', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('a step back does not hold up what was refused for a moment', async () => {
    await withVirtualTime(async (pass) => {
      let refusals = 0;
      const server = new MemoryServer();
      class RefusingLog extends MemoryLog {
        override async append(append: RemoteAppend): Promise<void> {
          if (refusals++ === 0) throw new RemoteRefusal('FULL', { isFinal: false });
          return super.append(append);
        }
      }
      const store = new RemoteSessionStore({ log: new RefusingLog(server) });
      store.append('s', 'x', 0, undefined);
      await pass(10);
      expect(refusals).toBe(1);
      vi.setSystemTime(Date.now() - HOUR_MILLIS);
      await pass(100);
      expect(server.fields('s', 'd')).toEqual(['0,x']);
      await store.close();
    });
  });

  it('a step back does not keep readers whose wake-ups are lost from looking again', async () => {
    await withVirtualTime(async (pass) => {
      class DeafLog extends MemoryLog {
        override watch(): Promise<void> {
          return Promise.reject(new RemoteRefusal('NO', { isFinal: true }));
        }
      }
      const store = new RemoteSessionStore({ log: new DeafLog(new MemoryServer()) });
      const cursor = store.open('s', { from: 'start' });
      expect(await cursor.step()).toBe('unknown');
      let wakes = 0;
      cursor.wait({ wake: () => (wakes += 1) });
      await pass(10);
      const before = wakes;
      vi.setSystemTime(Date.now() - HOUR_MILLIS);
      await pass(4_000);
      expect(wakes).toBe(before);
      await pass(2_000);
      expect(wakes).toBe(before + 1);
      cursor.leave();
      await store.close();
    });
  });

  it('a step ahead forgets no session that this process has written to', async () => {
    await withVirtualTime(async (pass) => {
      const store = new RemoteSessionStore({ log: new MemoryLog(new MemoryServer()) });
      store.append('s', 'x', 0, undefined);
      await pass(10);
      vi.setSystemTime(Date.now() + 30 * 24 * HOUR_MILLIS);
      expect(store.sessionIds()).toEqual(['s']);
      expect(store.activeSessionIds()).toEqual(['s']);
      await store.close();
    });
  });
});
