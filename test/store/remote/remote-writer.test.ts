import { afterEach, describe, expect, it, vi } from 'vitest';

import { RemoteRefusal, RemoteSessionStore } from '../../../src/remote.ts';
import type { RemoteAppend } from '../../../src/remote.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';
import { withVirtualTime } from '../../support/virtual-time.ts';

/** A log that does with each append what the test says. */
class ScriptedLog extends MemoryLog {
  readonly server: MemoryServer;
  readonly appends: RemoteAppend[] = [];
  /** Called before it is carried out. */
  before: (append: RemoteAppend) => void | Promise<void> = () => {};
  /** Called after it was. */
  after: (append: RemoteAppend) => void | Promise<void> = () => {};

  constructor(server: MemoryServer = new MemoryServer()) {
    super(server);
    this.server = server;
  }

  override async append(append: RemoteAppend): Promise<void> {
    this.appends.push(append);
    await this.before(append);
    await super.append(append);
    await this.after(append);
  }

  texts(session: string): (string | undefined)[] {
    return this.server.fields(session, 'd').map((data) => data?.split(',')[1]);
  }
}

const refusal = (code: string, isFinal = false): RemoteRefusal => new RemoteRefusal(code, { isFinal });
const lost = (): never => {
  throw new Error('lost');
};

describe('writing to a remote log', () => {
  const diagnostics = recordDiagnostics();
  afterEach(() => void vi.restoreAllMocks());

  it('sends what one tick logged in one call per session, and sets a time to live where it is due', async () => {
    await withVirtualTime(async (pass) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      for (const id of ['a', 'b', 'a']) store.append(id, 'x', 0, undefined);
      await pass(50);
      for (const id of ['a', 'b', 'a']) store.append(id, 'y', 0, undefined);
      await pass(50);
      const seen = log.appends.map(({ session, writes, renewsTtl }) => [session, writes.length, renewsTtl]);
      expect(seen).toEqual([
        ['a', 2, true],
        ['b', 1, true],
        ['a', 2, false],
        ['b', 1, false],
      ]);
      await store.close();
    });
  });

  it.each(['carried out', 'not carried out'])(
    'a call of unknown outcome that was %s is made again: stored once',
    async (what) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      store.append('s', '0', 0, undefined);
      await store.flush();
      let cuts = 2;
      const cut = (): void => {
        if (cuts-- > 0) lost();
      };
      if (what === 'carried out') log.after = cut;
      else log.before = cut;
      for (let index = 1; index <= 5; index += 1) store.append('s', String(index), 0, undefined);
      await until(() => cuts < 2);
      for (let index = 6; index <= 9; index += 1) store.append('s', String(index), 0, undefined);
      await store.flush();
      expect(log.texts('s')).toEqual(Array.from({ length: 10 }, (_, index) => String(index)));
      expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
      await store.close();
    },
  );

  it('a call without an answer is made again after 10 s, and what it does later is not done twice', async () => {
    await withVirtualTime(async (pass) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      let isHanging = true;
      let late: (() => void) | undefined;
      log.before = () => {
        if (!isHanging) return;
        isHanging = false;
        return new Promise((resolve) => (late = resolve));
      };
      for (const text of ['a', 'b']) store.append('s', text, 0, undefined);
      await pass(9_000);
      expect(log.texts('s')).toEqual([]);
      store.append('s', 'c', 0, undefined);
      await pass(3_000);
      expect(log.texts('s')).toEqual(['a', 'b', 'c']);
      late?.();
      await pass(10);
      expect(log.texts('s')).toEqual(['a', 'b', 'c']);
      expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
      await store.close();
    });
  });

  it('one session that is refused for now does not hold up the others', async () => {
    await withVirtualTime(async (pass) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      log.before = ({ session }) => {
        if (session === 'bad') throw refusal('TRYAGAIN');
      };
      for (let index = 0; index < 5; index += 1) {
        store.append('bad', String(index), 0, undefined);
        store.append('good', String(index), 0, undefined);
        await pass(10);
      }
      expect(log.texts('good')).toEqual(['0', '1', '2', '3', '4']);
      expect(store.stats().entries).toBe(5);
      log.before = () => {};
      await pass(3_000);
      expect(log.texts('bad')).toEqual(['0', '1', '2', '3', '4']);
      expect(diagnostics.lines.filter((line) => line.includes('TRYAGAIN'))).toHaveLength(1);
      await store.close();
    });
  });

  it('while everything is refused one batch at a time is tried, after longer and longer pauses', async () => {
    await withVirtualTime(async (pass) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      log.before = () => {
        throw refusal('FULL');
      };
      for (let index = 0; index < 5_000; index += 1) store.append(`s${index % 50}`, 'x', 0, undefined);
      await pass(5_000);
      const before = log.appends.length;
      await pass(20_000);
      const entries = log.appends.slice(before).reduce((sum, { writes }) => sum + writes.length, 0);
      // A pause is 1 to 2 s then, and a batch 500 entries.
      expect(entries).toBeLessThanOrEqual(20 * 600);
      log.before = () => {};
      await pass(3_000);
      expect(store.stats()).toMatchObject({ entries: 0, bytes: 0, lost: {} });
      await store.close();
    });
  });

  it('what is refused for good is dropped, counted and told once', async () => {
    const log = new ScriptedLog();
    const store = new RemoteSessionStore({ log });
    log.before = ({ session }) => {
      if (session === 'bad') throw refusal('WRONGTYPE', true);
    };
    for (let round = 0; round < 3; round += 1) {
      for (const id of ['bad', 'good']) store.append(id, String(round), 0, undefined);
      await store.flush();
    }
    expect(store.stats()).toMatchObject({ entries: 0, lost: { store_refused: 3 } });
    expect(log.texts('good')).toEqual(['0', '1', '2']);
    expect(diagnostics.lines).toEqual([expect.stringMatching(/refuses entries \(WRONGTYPE\)/)]);
    await store.close();
  });

  it('sessions take turns: one that logs more than the log takes does not hold up the others', async () => {
    const log = new ScriptedLog();
    const store = new RemoteSessionStore({ log });
    for (let index = 0; index < 3_000; index += 1) store.append('much', String(index), 0, undefined);
    store.append('little', 'x', 0, undefined);
    await store.flush();
    expect(log.appends.findIndex(({ session }) => session === 'little')).toBeLessThan(3);
    expect(log.texts('much')).toEqual(Array.from({ length: 3_000 }, (_, index) => String(index)));
    await store.close();
  });

  it('a time to live of a call that failed is set with the next one', async () => {
    const log = new ScriptedLog();
    const store = new RemoteSessionStore({ log });
    let cuts = 1;
    log.before = () => {
      if (cuts-- > 0) lost();
    };
    for (const text of ['a', 'b', 'c']) {
      store.append('s', text, 0, undefined);
      await store.flush();
    }
    expect(log.appends.map(({ renewsTtl }) => renewsTtl)).toEqual([true, true, false, false]);
    await store.close();
  });

  it('a log that throws within the call loses nothing', async () => {
    const log = new ScriptedLog();
    const store = new RemoteSessionStore({ log });
    let throws = 3;
    log.append = (append) => {
      if (throws-- > 0) throw new Error('of the adapter');
      return ScriptedLog.prototype.append.call(log, append);
    };
    store.append('s', 'a', 0, undefined);
    await store.flush();
    expect(log.texts('s')).toEqual(['a']);
    await store.close();
  });

  it.each([{ maxPendingEntries: 14 }, { maxPendingBytes: 2_000 }])(
    'while a bound is reached (%o) a session is ended or deleted all the same',
    async (options) => {
      const log = new ScriptedLog();
      log.before = () => {
        throw refusal('FULL');
      };
      const store = new RemoteSessionStore({ log, ...options });
      let count = 0;
      while (store.append('s', 'x', 0, undefined)) count += 1;
      expect(count).toBe(14);
      store.delete('s');
      log.before = () => {};
      await store.flush();
      expect(log.server.fields('s', 'x')).toEqual(['1']);
      expect(store.stats().lost).toEqual({ store_full: 1 });
      await store.close();
    },
  );

  it('a session that was deleted is not read in this process while its log does not take the deletion', async () => {
    await withVirtualTime(async (pass) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      store.append('s', 'secret', 0, undefined);
      await pass(10);
      log.before = () => {
        throw refusal('FULL');
      };
      store.delete('s');
      for (const cursor of [store.open('s', { from: 'start' }), store.claim('s')]) {
        const step = cursor.step();
        await pass(4_000);
        expect(await step).toBe('none');
        cursor.leave();
      }
      const waiting = store.open('s', { from: 'start' });
      log.before = () => {};
      await pass(3_000);
      expect(await waiting.step()).toBe('unknown');
      waiting.leave();
      await store.close();
    });
  });

  it('an outage is told once, and once that it is over', async () => {
    await withVirtualTime(async (pass) => {
      const log = new ScriptedLog();
      const store = new RemoteSessionStore({ log });
      log.before = lost;
      for (let second = 0; second < 60; second += 1) {
        store.append('s', 'x', 0, undefined);
        await pass(1_000);
      }
      expect(diagnostics.lines).toEqual([expect.stringMatching(/Memory cannot be reached;.* lost$/)]);
      log.before = () => {};
      await pass(5_000);
      expect(diagnostics.lines).toEqual([expect.any(String), expect.stringMatching(/Memory is back$/)]);
      await store.close();
    });
  });

  it('keeps the state of so many sessions only', async () => {
    const store = new RemoteSessionStore({ log: new ScriptedLog(), maxSessions: 10 });
    for (let index = 0; index < 100; index += 1) {
      store.append(`s${index}`, 'x', 0, undefined);
      await store.flush();
    }
    expect(store.stats().sessions).toBeLessThanOrEqual(10);
    await store.close();
  });
});
