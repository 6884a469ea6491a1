import { expect, it } from 'vitest';

import { RemoteSessionStore } from '../../../src/remote.ts';
import type { RemoteItem } from '../../../src/remote.ts';
import { ClaimedEntries } from '../../../src/store/remote/claim-cursor.ts';
import { StoredItem } from '../../../src/store/remote/stored-item.ts';
import { readCount } from '../../../src/store/contract/contract-kit.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

it('what was claimed for a cursor that left comes before what the next one has claimed meanwhile', async () => {
  const answers: (() => void)[] = [];
  class SlowLog extends MemoryLog {
    override async claim(session: string): Promise<RemoteItem | undefined> {
      const item = await super.claim(session);
      if (answers.length < 2) await new Promise<void>((resolve) => answers.push(resolve));
      return item;
    }
  }
  const store = new RemoteSessionStore({ log: new SlowLog(new MemoryServer()) });
  for (const text of ['a', 'b', 'c']) store.append('s', text, 0, undefined);
  await store.flush();
  const leaving = store.claim('s');
  const left = leaving.step();
  await until(() => answers.length === 1);
  leaving.leave();
  const staying = store.claim('s');
  const read = readCount(staying, 3);
  await until(() => answers.length === 2);
  for (const answer of answers) answer();
  expect(await left).toBe('none');
  expect(await read).toEqual(['a', 'b', 'c']);
  staying.leave();
  await store.close();
});

/** Lets the first claim of a log be answered when its cursor has left. */
async function leaveWhileClaiming(server: MemoryServer): Promise<RemoteSessionStore> {
  const answers: (() => void)[] = [];
  class SlowLog extends MemoryLog {
    override async claim(session: string): Promise<RemoteItem | undefined> {
      const item = await super.claim(session);
      if (answers.length === 0) await new Promise<void>((resolve) => answers.push(resolve));
      return item;
    }
  }
  const store = new RemoteSessionStore({ log: new SlowLog(server) });
  store.append('s', 'a', 0, undefined);
  await store.flush();
  const leaving = store.claim('s');
  const left = leaving.step();
  await until(() => answers.length === 1);
  leaving.leave();
  answers[0]?.();
  expect(await left).toBe('none');
  return store;
}

it.each(['deleted by another host', 'kept'])(
  'what was claimed for a cursor that left is given only while the log has it: %s',
  async (fate) => {
    const server = new MemoryServer();
    const store = await leaveWhileClaiming(server);
    const other = new RemoteSessionStore({ log: new MemoryLog(server) });
    if (fate !== 'kept') other.delete('s');
    other.append('s', 'b', 0, undefined);
    await other.flush();
    const next = store.claim('s');
    expect(await readCount(next, 1)).toEqual([fate === 'kept' ? 'a' : 'b']);
    next.leave();
    await Promise.all([store.close(), other.close()]);
  },
);

it('what was claimed for a cursor that left is kept of so many sessions only', () => {
  const claimed = new ClaimedEntries(2);
  const item = new StoredItem({ id: 'a1', fields: ['d', '0,x'] });
  for (const id of ['a', 'b', 'c']) claimed.keep(id, item);
  expect(['a', 'b', 'c'].map((id) => claimed.take(id) === item)).toEqual([false, true, true]);
});
