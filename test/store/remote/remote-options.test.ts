import { describe, expect, it } from 'vitest';

import { RemoteSessionStore } from '../../../src/remote.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';

describe('options of RemoteSessionStore', () => {
  const log = new MemoryLog(new MemoryServer());

  it('names the option that is wrong', () => {
    expect(() => new RemoteSessionStore({ log: {} as never })).toThrow(
      /RemoteSessionStore: expected `log` to be a RemoteLog/,
    );
    for (const method of ['append', 'lapse', 'name']) {
      const lacking = Object.assign(Object.create(log) as object, { [method]: undefined });
      expect(() => new RemoteSessionStore({ log: lacking as never })).toThrow(/`log`/);
    }
    expect(() => new RemoteSessionStore({ log, maxEntriesPerSession: 0 })).toThrow(/`maxEntriesPerSession`/);
    for (const answerLeaseMillis of [0, 999, Number.NaN, '1000', 2 ** 53, 1e21]) {
      const options = { log, answerLeaseMillis } as never;
      expect(() => new RemoteSessionStore(options)).toThrow(
        /`answerLeaseMillis` to be a number of milliseconds, 1,000 or more up to 2\^53 - 1/,
      );
    }
    expect(() => new RemoteSessionStore({ log, idleTtlMilis: 5 } as never)).toThrow(/unknown option `idleTtlMilis`/);
  });

  it('takes what an own log is, also by its prototype, and a lease that never lapses', async () => {
    await new RemoteSessionStore({ log, answerLeaseMillis: Infinity }).close();
  });
});

it('refuses a time-out that is no time, and flushes and closes afterwards', async () => {
  const store = new RemoteSessionStore({ log: new MemoryLog(new MemoryServer()) });
  await expect(store.flush(Number.NaN)).rejects.toThrow(/flush: .*`timeoutMillis`.* got NaN/);
  expect(() => store.close(-1)).toThrow(/close: .*`timeoutMillis`.* got -1/);
  store.append('s', 'a', 0, undefined);
  await store.flush();
  expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
  await store.close();
});
