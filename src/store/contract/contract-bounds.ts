import assert from 'node:assert/strict';

import { log, logAll, names, nextStep, readAll, readCount, readFrom } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Bounds, counters, and how a store ends. */
export function boundsContract(test: ContractTest): void {
  test(
    'a session is bounded: a reader behind is told how many it missed',
    async (store) => {
      const fromStart = store.open('s', { from: 'start' });
      assert.equal(await fromStart.step(), 'unknown');
      await logAll(store, 's', ...names(20));
      const [firstId] = (await readFrom(store, 's', 'start')).ids;
      const fromTen = store.open('s', { from: 'start' });
      assert.deepEqual(await readCount(fromTen, 1), ['m0']);
      await logAll(store, 's', ...names(980, 20));
      const { messages } = await readAll(fromStart);
      assert.ok(messages.length >= 100 && messages.length <= 200, `${messages.length} are held`);
      assert.deepEqual(messages, names(messages.length, 1_000 - messages.length));
      assert.equal(fromStart.missed, 1_000 - messages.length);
      const rest = (await readAll(fromTen)).messages;
      assert.equal(fromTen.missed, 999 - rest.length);
      assert.deepEqual(rest.slice(-100), names(100, 900));
      const evicted = store.open('s', { from: { after: firstId as string } });
      assert.deepEqual((await readAll(evicted)).messages, messages);
      assert.notEqual(evicted.missed, 0);
      for (const cursor of [fromStart, fromTen, evicted]) cursor.leave();
    },
    { maxEntriesPerSession: 100 },
  );

  test(
    'end marks are not missed entries',
    async (store) => {
      const cursor = store.open('s', { from: 'start' });
      assert.equal(await cursor.step(), 'unknown');
      for (let life = 0; life < 10; life += 1) {
        for (const name of names(100, life * 100)) log(store, 's', name);
        store.end('s');
      }
      await logAll(store, 's', 'last');
      let count = 0;
      for (;;) {
        const step = await cursor.step();
        if (step === 'entry') count += 1;
        else if (step !== 'end') break;
      }
      assert.equal(cursor.missed, 1_001 - count);
      cursor.leave();
    },
    { maxEntriesPerSession: 100 },
  );

  test(
    'readers count from enter to leave, up to the bound',
    async (store) => {
      const [one, two, three] = [0, 1, 2].map(() => store.open('s', { from: 'start' }));
      assert.equal(store.stats().readers, 0);
      assert.equal(one?.enter(), true);
      assert.equal(one?.enter(), true);
      assert.equal(two?.enter(), true);
      assert.equal(store.stats().readers, 2);
      assert.equal(three?.enter(), false);
      one?.leave();
      one?.leave();
      assert.equal(store.stats().readers, 1);
      assert.equal(three?.enter(), true);
      two?.leave();
      three?.leave();
      assert.equal(store.stats().readers, 0);
    },
    { maxReaders: 2 },
  );

  test('flush resolves when everything logged before is readable', async (store) => {
    for (const name of names(2_000)) log(store, 's', name);
    await Promise.all([store.flush(), store.flush(10_000)]);
    const cursor = store.open('s', { from: 'start', isBounded: true });
    assert.deepEqual(await readAll(cursor).then(({ messages, step }) => [messages.length, step]), [2_000, 'caught-up']);
    cursor.leave();
    await store.flush();
  });

  test('after close nothing is taken; cursors read what is held, then end', async (store) => {
    await logAll(store, 's', ...names(500));
    const behind = store.open('s', { from: 'start' });
    assert.equal(behind.enter(), true);
    assert.equal(await behind.step(), 'entry');
    const waiting = store.open('t', { from: 'start' });
    assert.equal(waiting.enter(), true);
    assert.equal(await waiting.step(), 'unknown');
    const claim = store.claim('u');
    assert.equal(await claim.step(), 'unknown');
    const ends = [nextStep(waiting), nextStep(claim)];
    log(store, 's', 'the last');
    await Promise.all([store.close(), store.close()]);
    assert.deepEqual(await Promise.all(ends), ['closed', 'closed']);
    assert.equal(store.append('s', 'late', 0, undefined), false);
    assert.equal(store.stats().lost['after_shutdown'], 1);
    const { messages, step } = await readAll(behind);
    assert.deepEqual([messages.length, messages.at(-1), step], [500, 'the last', 'closed']);
    assert.equal(await behind.step(), 'closed');
    for (const cursor of [behind, waiting, claim]) cursor.leave();
    await store.close();
  });
}
