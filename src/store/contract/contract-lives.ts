import assert from 'node:assert/strict';

import { END, log, logAll, names, nextStep, readAll, readCount, readFrom, START, woken } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Tests of the unread mark. */
export function unreadContract(test: ContractTest): void {
  test("'unread' goes on after the furthest entry that an unread cursor handed out", async (store) => {
    await logAll(store, 's', ...names(10));
    const first = store.open('s', { from: 'unread' });
    const second = store.open('s', { from: 'unread' });
    assert.deepEqual(await readCount(first, 4), names(4));
    assert.deepEqual(await readCount(second, 2), names(2));
    // Met, but not handed out: not read.
    assert.equal(await second.step(), 'entry');
    first.leave();
    second.leave();
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, names(6, 4));
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, []);
  });

  test('other cursors do not move the unread mark', async (store) => {
    await logAll(store, 's', 'a', 'b');
    const [first] = (await readFrom(store, 's', 'start')).ids;
    await readFrom(store, 's', { after: first as string });
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['a', 'b']);
  });

  test('the rest of a finished stream in which the mark lies is left out, and nothing else', async (store) => {
    log(store, 's', 'one', START);
    await logAll(store, 's', 'a', 'b');
    const cursor = store.open('s', { from: 'unread' });
    await readCount(cursor, 2);
    cursor.leave();
    log(store, 's', 'of another', { streamId: 'x' });
    log(store, 's', 'a log', { logType: 'log', severityNumber: 9 });
    log(store, 's', 'one end', END);
    log(store, 's', 'two', START);
    await logAll(store, 's', 'c');
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['of another', 'a log', 'two', 'c']);
  });

  test('the rest of a stream that runs is not left out', async (store) => {
    log(store, 's', 'one', START);
    await logAll(store, 's', 'a', 'b');
    const cursor = store.open('s', { from: 'unread' });
    await readCount(cursor, 2);
    cursor.leave();
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['b']);
  });

  test('the rest of a finished stream with an id is left out', async (store) => {
    log(store, 's', 'x start', { ...START, streamId: 'x' });
    await store.flush();
    const cursor = store.open('s', { from: 'unread' });
    await readCount(cursor, 1);
    cursor.leave();
    log(store, 's', 'plain');
    log(store, 's', 'x text', { streamId: 'x' });
    log(store, 's', 'x end', { ...END, streamId: 'x' });
    await logAll(store, 's', 'after');
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['plain', 'after']);
  });

  test('the rest of an abandoned stream is left out', async (store) => {
    log(store, 's', 'one', START);
    await logAll(store, 's', 'a', 'b');
    const cursor = store.open('s', { from: 'unread' });
    await readCount(cursor, 2);
    cursor.leave();
    log(store, 's', 'two', START);
    await logAll(store, 's', 'c');
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['two', 'c']);
  });
}

/** End marks, lives, deletion. */
export function lifeContract(test: ContractTest): void {
  test('a follower passes the end mark once, then meets the next life in the same log', async (store) => {
    const cursor = store.open('s', { from: 'start' });
    assert.equal(await cursor.step(), 'unknown');
    log(store, 's', 'a');
    store.end('s');
    assert.deepEqual(await readCount(cursor, 1), ['a']);
    assert.equal(await nextStep(cursor), 'end');
    assert.equal(await cursor.step(), 'unknown');
    log(store, 's', 'b');
    assert.deepEqual(await readCount(cursor, 1), ['b']);
    assert.equal(await cursor.step(), 'none');
    assert.equal(cursor.missed, 0);
    cursor.leave();
  });

  test('ending an ended session changes nothing', async (store) => {
    await logAll(store, 's', 'a');
    store.end('s');
    store.end('s');
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    assert.equal((await readAll(cursor)).step, 'end');
    assert.equal(await cursor.step(), 'unknown');
    cursor.leave();
    assert.deepEqual(store.sessionIds(), ['s']);
  });

  test('a session that was ended before it had an entry is remembered', async (store) => {
    store.end('s');
    await store.flush();
    for (const from of ['start', 'stream', 'unread', { after: 'of another time' }] as const) {
      const cursor = store.open('s', { from });
      assert.equal(await cursor.step(), 'empty-end');
      assert.equal(await cursor.step(), 'unknown');
      cursor.leave();
    }
    const bounded = store.open('s', { from: 'start', isBounded: true });
    assert.equal(await bounded.step(), 'empty-end');
    bounded.leave();
    // Whoever asks only for what comes, or was told already, waits for the next life.
    assert.equal((await readFrom(store, 's', 'now')).step, 'unknown');
    assert.equal((await readFrom(store, 's', 'unread')).step, 'unknown');
    assert.deepEqual(store.sessionIds(), []);
    assert.deepEqual(store.activeSessionIds(), []);
    await logAll(store, 's', 'a');
    for (const from of ['start', 'unread'] as const) {
      assert.deepEqual((await readFrom(store, 's', from)).messages, ['a']);
    }
  });

  test('an end that comes between the opening of a cursor and its first step is met', async (store) => {
    const cursor = store.open('s', { from: 'unread' });
    store.end('s');
    await store.flush();
    assert.equal(await nextStep(cursor), 'empty-end');
    log(store, 's', 'a');
    assert.deepEqual(await readCount(cursor, 1), ['a']);
    assert.equal(cursor.missed, 0);
    cursor.leave();
  });

  test('one claim meets the end of a session that never had an entry, the next waits for its next life', async (store) => {
    store.end('s');
    await store.flush();
    const first = store.claim('s');
    assert.equal(await first.step(), 'empty-end');
    first.leave();
    const second = store.claim('s');
    assert.equal(await second.step(), 'unknown');
    log(store, 's', 'a');
    assert.deepEqual(await readCount(second, 1), ['a']);
    second.leave();
  });

  test('cursors that wait on an unknown or an ended session meet the end', async (store) => {
    const unknown = store.open('s', { from: 'start' });
    assert.equal(await unknown.step(), 'unknown');
    let ends = nextStep(unknown);
    store.end('s');
    assert.equal(await ends, 'empty-end');
    unknown.leave();
    await logAll(store, 't', 'a');
    store.end('t');
    await store.flush();
    const ended = store.open('t', { from: 'start' });
    await readAll(ended);
    assert.equal(await ended.step(), 'unknown');
    ends = nextStep(ended);
    store.end('t');
    assert.equal(await ends, 'end');
    ended.leave();
  });

  test('a cursor that waits on an unknown session gets its first entry', async (store) => {
    const cursor = store.open('s', { from: 'now' });
    assert.equal(await cursor.step(), 'unknown');
    const arrives = readCount(cursor, 1);
    log(store, 's', 'first');
    assert.deepEqual(await arrives, ['first']);
    cursor.leave();
  });

  test('the cursors of a deleted session end, and nothing of it is read again', async (store) => {
    await logAll(store, 's', ...names(5));
    const behind = store.open('s', { from: 'start' });
    assert.equal(await behind.step(), 'entry');
    const waiting = store.open('s', { from: 'now' });
    assert.equal(await waiting.step(), 'none');
    const ends = nextStep(waiting);
    store.delete('s');
    assert.equal(await ends, 'deleted');
    await store.flush();
    // What it holds already it may still hand out.
    assert.equal((await readAll(behind)).step, 'deleted');
    assert.equal(await behind.step(), 'deleted');
    assert.deepEqual(await readFrom(store, 's', 'start'), { messages: [], ids: [], step: 'unknown' });
    assert.deepEqual(store.sessionIds(), []);
    assert.deepEqual(store.activeSessionIds(), []);
    behind.leave();
    waiting.leave();
  });

  test('a deleted session may begin again: new cursors read the new one, old ones stay at their end', async (store) => {
    await logAll(store, 's', 'old');
    const [oldId] = (await readFrom(store, 's', 'unread')).ids;
    const old = store.open('s', { from: 'now' });
    await old.step();
    store.delete('s');
    await logAll(store, 's', 'new');
    assert.equal(await nextStep(old), 'deleted');
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['new']);
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['new']);
    const resumed = store.open('s', { from: { after: oldId as string } });
    assert.deepEqual((await readAll(resumed)).messages, ['new']);
    assert.equal(resumed.missed, -1);
    resumed.leave();
    old.leave();
  });

  test('an id that is only waited on is active as long as a reader waits', async (store) => {
    const cursor = store.open('s', { from: 'start' });
    assert.equal(await cursor.step(), 'unknown');
    const isWoken = woken(cursor).catch(() => {});
    assert.deepEqual(store.activeSessionIds(), ['s']);
    cursor.leave();
    assert.deepEqual(store.activeSessionIds(), []);
    assert.deepEqual(store.sessionIds(), []);
    await logAll(store, 's', 'a');
    store.end('s');
    await store.flush();
    assert.deepEqual(store.activeSessionIds(), []);
    assert.deepEqual(store.sessionIds(), ['s']);
    void isWoken;
  });
}
