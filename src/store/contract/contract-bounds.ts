import assert from 'node:assert/strict';

import { log, logAll, names, nextStep, readAll, readCount, readFrom, START } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';
import type { SessionCursor } from '../session-store.ts';

/** Tests of limits, counters, and the end of a store. */
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
    'a reader that comes when its start was evicted is told how many are gone, or that it cannot be known',
    async (store) => {
      await logAll(store, 't', 'm0');
      const marking = store.open('t', { from: 'unread' });
      assert.deepEqual(await readCount(marking, 1), ['m0']);
      marking.leave();
      log(store, 's', 'm0', START);
      for (const id of ['s', 't']) for (const name of names(999, 1)) log(store, id, name);
      await store.flush();
      const late = [
        { id: 's', from: 'start', count: 1_000 },
        { id: 's', from: 'stream', count: 1_000 },
        { id: 's', from: 'unread', count: 1_000 },
        { id: 't', from: 'unread', count: 999 },
        { id: 's', from: 'now', count: 0 },
      ] as const;
      for (const { id, from, count } of late) {
        const cursor = store.open(id, { from });
        const { messages } = await readAll(cursor);
        assert.deepEqual(messages, names(messages.length, 1_000 - messages.length));
        if (cursor.missed !== -1) assert.equal(cursor.missed, count - messages.length, `${from} of ${id}`);
        cursor.leave();
      }
      // Nothing is gone of the next life, nor of an answer in it.
      store.end('s');
      log(store, 's', 'm0', START);
      await logAll(store, 's', 'm1');
      for (const from of ['start', 'stream'] as const) {
        const cursor = store.open('s', { from });
        assert.deepEqual((await readAll(cursor)).messages, ['m0', 'm1']);
        assert.equal(cursor.missed, 0);
        cursor.leave();
      }
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
      assert.match(String(three?.enter()), /`maxReaders`/);
      assert.equal(store.stats().readers, 2);
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

  test(
    'readers of one session are bounded, whatever opened them; those of others are not touched',
    async (store) => {
      log(store, 's', 'm');
      const held = [store.open('s', { from: 'start' }), store.claim('s')];
      for (const cursor of held) assert.equal(cursor.enter(), true);
      const third = store.open('s', { from: 'now' });
      assert.match(String(third.enter()), /`maxReadersPerSession`/);
      const elsewhere = store.open('t', { from: 'start' });
      assert.equal(elsewhere.enter(), true);
      assert.equal(store.stats().readers, 3);
      // Deleted and begun again, it is the same session to its readers.
      store.delete('s');
      log(store, 's', 'n');
      assert.match(String(third.enter()), /`maxReadersPerSession`/);
      held[0]?.leave();
      assert.equal(third.enter(), true);
      for (const cursor of [...held, third, elsewhere]) cursor.leave();
      assert.equal(store.stats().readers, 0);
      // One that waits for a session counts once, also when it begins.
      const early = store.open('u', { from: 'start' });
      assert.equal(early.enter(), true);
      assert.equal(await early.step(), 'unknown');
      await logAll(store, 'u', 'm');
      assert.equal(await nextStep(early), 'entry');
      assert.equal(store.stats().readers, 1);
      early.leave();
      assert.equal(store.stats().readers, 0);
    },
    { maxReadersPerSession: 2 },
  );

  test(
    "clients leave the reserved share of both bounds to the server's own readers",
    async (store) => {
      const cursors: SessionCursor[] = [];
      const enter = (sessionId: string, isForClient: boolean): true | string => {
        const cursor = store.open(sessionId, { from: 'start' });
        cursors.push(cursor);
        return cursor.enter(isForClient);
      };
      for (const each of [1, 2]) assert.equal(enter('s', true), true, `client ${each}`);
      assert.match(String(enter('s', true)), /`maxReadersPerSession`.*`reservedShare`/);
      assert.equal(enter('s', false), true);
      assert.equal(enter('s', false), true);
      assert.match(String(enter('s', false)), /`maxReadersPerSession`/);
      assert.equal(enter('t', true), true);
      // Half of the ten is taken.
      assert.match(String(enter('u', true)), /`maxReaders`.*`reservedShare`/);
      for (const sessionId of ['u', 'v', 'w', 'x', 'y']) assert.equal(enter(sessionId, false), true);
      assert.match(String(enter('z', false)), /`maxReaders`/);
      const claim = store.claim('z');
      assert.match(String(claim.enter()), /`maxReaders`/);
      assert.equal(store.stats().readers, 10);
      for (const cursor of [...cursors, claim]) cursor.leave();
      assert.equal(store.stats().readers, 0);
      assert.equal(enter('s', true), true);
      for (const cursor of cursors) cursor.leave();
    },
    { maxReaders: 10, maxReadersPerSession: 4, reservedShare: 0.5 },
  );

  test(
    'of a bound too small for its share one reader is reserved, and one left to clients',
    async (store) => {
      const [client, second, own] = [1, 2, 3].map(() => store.open('s', { from: 'start' }));
      assert.equal(client?.enter(true), true);
      assert.match(String(second?.enter(true)), /`reservedShare`/);
      assert.equal(own?.enter(false), true);
      for (const cursor of [client, second, own]) cursor?.leave();
    },
    { maxReaders: 10, maxReadersPerSession: 2, reservedShare: 0.1 },
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
