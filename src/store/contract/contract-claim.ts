import assert from 'node:assert/strict';

import { log, logAll, names, nextStep, readCount, readFrom } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Tests of the shared work position. */
export function claimContract(test: ContractTest): void {
  test('each entry is claimed by exactly one of many, in order', async (store) => {
    await logAll(store, 's', ...names(100));
    const claims = Array.from({ length: 8 }, () => store.claim('s'));
    const claimed = claims.map((): string[] => []);
    const work = claims.map(async (cursor, index) => {
      for (;;) {
        const step = await nextStep(cursor);
        if (step === 'end') return;
        assert.equal(step, 'entry');
        claimed[index]?.push(cursor.message);
        cursor.delivered();
        await Promise.resolve();
      }
    });
    await logAll(store, 's', ...names(100, 100));
    store.end('s');
    await Promise.all(work);
    for (const cursor of claims) cursor.leave();
    const numbers = claimed.map((messages) => messages.map((message) => Number(message.slice(1))));
    for (const one of numbers)
      assert.deepEqual(
        one,
        [...one].sort((a, b) => a - b),
      );
    assert.deepEqual(
      numbers.flat().sort((a, b) => a - b),
      names(200).map((_, index) => index),
    );
  });

  test('claims touch neither followers nor other sessions', async (store) => {
    await logAll(store, 's', 'a', 'b');
    await logAll(store, 't', 'x');
    const claim = store.claim('s');
    assert.deepEqual(await readCount(claim, 2), ['a', 'b']);
    claim.leave();
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['a', 'b']);
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['a', 'b']);
    assert.deepEqual((await readFrom(store, 't', 'start')).messages, ['x']);
  });

  test('a claim goes on where the last one left', async (store) => {
    await logAll(store, 's', ...names(4));
    const first = store.claim('s');
    assert.deepEqual(await readCount(first, 2), ['m0', 'm1']);
    first.leave();
    const second = store.claim('s');
    assert.deepEqual(await readCount(second, 2), ['m2', 'm3']);
    second.leave();
  });

  test('a claim waits for a session to begin', async (store) => {
    const cursor = store.claim('s');
    assert.equal(await cursor.step(), 'unknown');
    const arrives = readCount(cursor, 1);
    log(store, 's', 'a');
    assert.deepEqual(await arrives, ['a']);
    cursor.leave();
  });

  test('a claim that leaves while it waits takes nothing with it', async (store) => {
    const leaving = store.claim('s');
    const staying = store.claim('s');
    assert.equal(await leaving.step(), 'unknown');
    assert.equal(await staying.step(), 'unknown');
    const arrives = readCount(staying, 20);
    const step = leaving.step();
    leaving.leave();
    await step;
    for (const name of names(20)) log(store, 's', name);
    assert.deepEqual(await arrives, names(20));
    staying.leave();
  });

  test('a claim that leaves while an answer is under way takes nothing with it', async (store) => {
    await logAll(store, 's', ...names(20));
    const got: string[] = [];
    // Only of a store that answers later can a claim be under way; one that answers at once has nothing to lose here.
    for (let round = 0; round < 5; round += 1) {
      const leaving = store.claim('s');
      const step = leaving.step();
      if (typeof step === 'string') {
        got.push(leaving.message);
        leaving.delivered();
      }
      leaving.leave();
      await step;
    }
    const staying = store.claim('s');
    got.push(...(await readCount(staying, 20 - got.length)));
    assert.deepEqual(got, names(20));
    staying.leave();
  });

  test('every claim that worked or waited meets the end; a later one is there for the next life', async (store) => {
    await logAll(store, 's', 'a');
    const worked = store.claim('s');
    assert.deepEqual(await readCount(worked, 1), ['a']);
    const waited = store.claim('s');
    assert.equal(await waited.step(), 'none');
    const ends = [nextStep(worked), nextStep(waited)];
    store.end('s');
    assert.deepEqual(await Promise.all(ends), ['end', 'end']);
    const late = store.claim('s');
    // It may be told of the mark that it stands at; it does not wait for that one.
    const first = await late.step();
    assert.equal(first === 'end' ? await late.step() : first, 'unknown');
    await logAll(store, 's', 'b');
    assert.deepEqual(await readCount(late, 1), ['b']);
    for (const cursor of [worked, waited, late]) cursor.leave();
  });

  test('claims of a deleted session end', async (store) => {
    await logAll(store, 's', 'a');
    const cursor = store.claim('s');
    assert.deepEqual(await readCount(cursor, 1), ['a']);
    const ends = nextStep(cursor);
    store.delete('s');
    assert.equal(await ends, 'deleted');
    cursor.leave();
    await logAll(store, 's', 'b');
    const next = store.claim('s');
    assert.deepEqual(await readCount(next, 1), ['b']);
    next.leave();
  });
}
