import assert from 'node:assert/strict';

import type { EntryDetail } from '../../entry/entry-detail.ts';
import { isChat } from '../../entry/entry-detail.ts';
import type { SessionStore } from '../session-store.ts';
import { log, logAll, names, readAll, readCount } from './contract-kit.ts';
import type { ContractTest, Met } from './contract-kit.ts';

type Counts = (detail: EntryDetail | undefined) => boolean;

const LINE: Partial<EntryDetail> = { logType: 'log' };

/** What a cursor that starts at the newest entries finds now. */
async function readLast(
  store: SessionStore,
  last: number,
  counts?: Counts,
): Promise<Pick<Met, 'messages' | 'step'> & { readonly missed: number }> {
  const cursor = store.open('s', { from: { last }, ...(counts && { counts }) });
  const { messages, step } = await readAll(cursor);
  const { missed } = cursor;
  cursor.leave();
  return { messages, step, missed };
}

/** Tests of starting at the newest entries. */
export function lastContract(test: ContractTest): void {
  test('{ last } starts at the newest entries and goes on live', async (store) => {
    await logAll(store, 's', ...names(700));
    for (const last of [1, 2, 127, 128, 129, 256, 384, 385, 699, 700, 701, 1e9, Number.MAX_SAFE_INTEGER]) {
      const expected = names(Math.min(last, 700), Math.max(0, 700 - last));
      assert.deepEqual(await readLast(store, last), { messages: expected, step: 'none', missed: 0 }, `${last}`);
    }
    const cursor = store.open('s', { from: { last: 2 } });
    assert.deepEqual(await readCount(cursor, 2), ['m698', 'm699']);
    assert.equal(await cursor.step(), 'none');
    log(store, 's', 'new');
    assert.deepEqual(await readCount(cursor, 1), ['new']);
    cursor.leave();
  });

  test('{ last: 0 } meets only what comes', async (store) => {
    await logAll(store, 's', 'old');
    const cursor = store.open('s', { from: { last: 0 } });
    assert.equal(await cursor.step(), 'none');
    log(store, 's', 'new');
    assert.deepEqual(await readCount(cursor, 1), ['new']);
    assert.equal(cursor.missed, 0);
    cursor.leave();
  });

  test('{ last } of a session that is not there meets all of it when it begins', async (store) => {
    const cursor = store.open('s', { from: { last: 1 } });
    assert.equal(await cursor.step(), 'unknown');
    await logAll(store, 's', ...names(3));
    assert.deepEqual(await readCount(cursor, 3), names(3));
    assert.equal(cursor.missed, 0);
    cursor.leave();
  });

  test('{ last } counts what `counts` says, and the cursor meets what lies between', async (store) => {
    const all = names(900);
    const lines = new Set(all.filter((_, index) => index % 3 !== 0 || (index >= 300 && index < 700)));
    for (const name of all) log(store, 's', name, lines.has(name) ? LINE : undefined);
    await store.flush();
    const chat = all.filter((name) => !lines.has(name));
    for (const last of [1, 2, 66, 67, 68, 100, 166, chat.length, chat.length + 1]) {
      const oldest = last > chat.length ? 0 : all.indexOf(chat[chat.length - last] as string);
      const expected = { messages: all.slice(oldest), step: 'none', missed: 0 };
      assert.deepEqual(await readLast(store, last, isChat), expected, `${last} of ${chat.length}`);
    }
    const none = await readLast(store, 1, () => false);
    assert.deepEqual(none, { messages: all, step: 'none', missed: 0 });
  });

  test('{ last } counts entries of the current life only', async (store) => {
    await logAll(store, 's', ...names(150));
    store.end('s');
    await logAll(store, 's', ...names(4, 150));
    const wholeLife = { messages: names(4, 150), step: 'none', missed: 0 };
    assert.deepEqual(await readLast(store, 3), { ...wholeLife, messages: names(3, 151) });
    assert.deepEqual(await readLast(store, 4), wholeLife);
    assert.deepEqual(await readLast(store, 5), wholeLife);
    store.end('s');
    await store.flush();
    // Ended, the life is still that of the newest entry.
    assert.deepEqual(await readLast(store, 3), { messages: names(3, 151), step: 'end', missed: 0 });
    assert.deepEqual(await readLast(store, 5), { ...wholeLife, step: 'end' });
    store.delete('s');
    await logAll(store, 's', 'anew');
    assert.deepEqual(await readLast(store, 5), { ...wholeLife, messages: ['anew'] });
  });

  test('{ last } of a bounded cursor ends at the entry that was last when it was opened', async (store) => {
    await logAll(store, 's', ...names(10));
    const cursor = store.open('s', { from: { last: 3 }, isBounded: true });
    assert.equal(await cursor.step(), 'entry');
    assert.equal(cursor.message, 'm7');
    await logAll(store, 's', 'later');
    const { messages, step } = await readAll(cursor);
    assert.deepEqual({ messages, step }, { messages: ['m8', 'm9'], step: 'caught-up' });
    cursor.leave();
  });

  test(
    '{ last } misses nothing that lies before it; of fewer entries it is told what `start` is told',
    async (store) => {
      await logAll(store, 's', ...names(1_000));
      assert.deepEqual(await readLast(store, 50), { messages: names(50, 950), step: 'none', missed: 0 });
      const start = store.open('s', { from: 'start' });
      const held = (await readAll(start)).messages;
      assert.notEqual(start.missed, 0);
      assert.deepEqual(await readLast(store, held.length), { messages: held, step: 'none', missed: 0 });
      for (const last of [held.length + 1, 1e9]) {
        assert.deepEqual(await readLast(store, last), { messages: held, step: 'none', missed: start.missed });
      }
      start.leave();
      const behind = store.open('s', { from: { last: 50 } });
      assert.deepEqual(await readCount(behind, 1), ['m950']);
      await logAll(store, 's', ...names(1_000, 1_000));
      // A store may have read ahead before the others were evicted.
      const rest = (await readAll(behind)).messages;
      assert.deepEqual(rest.slice(-100), names(100, 1_900));
      assert.equal(behind.missed, 2_000 - 951 - rest.length);
      behind.leave();
    },
    { maxEntriesPerSession: 100 },
  );
}
