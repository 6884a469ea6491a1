import assert from 'node:assert/strict';

import { isReplacedEnd } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { STREAM_END_TOKEN } from '../../entry/tokens.ts';
import { END, log, logAll, names, readFrom, START } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Tests of answers, which span from a `stream-start` to a `stream-end`. */
export function answerContract(test: ContractTest): void {
  test('an answer runs from its start to its end', async (store) => {
    log(store, 's', 'before');
    log(store, 's', 'start', START);
    await logAll(store, 's', 'inside');
    const [before, start, inside] = (await readFrom(store, 's', 'start')).ids as [string, string, string];
    assert.equal(await store.streamState('s', before), 'none');
    assert.equal(await store.streamState('s', start), 'running');
    assert.equal(await store.streamState('s', inside), 'running');
    log(store, 's', 'end', END);
    await logAll(store, 's', 'after');
    const { ids } = await readFrom(store, 's', 'start');
    assert.equal(await store.streamState('s', start), 'finished');
    assert.equal(await store.streamState('s', inside), 'finished');
    assert.equal(await store.streamState('s', ids[3] as string), 'finished');
    assert.equal(await store.streamState('s', ids[4] as string), 'none');
  });

  test('answers with stream ids run side by side', async (store) => {
    log(store, 's', 'a start', { ...START, streamId: 'a' });
    log(store, 's', 'b start', { ...START, streamId: 'b' });
    log(store, 's', 'plain');
    log(store, 's', 'a end', { ...END, streamId: 'a' });
    log(store, 's', 'b text', { streamId: 'b' });
    await store.flush();
    const { ids, messages } = await readFrom(store, 's', 'start');
    assert.deepEqual(messages, ['a start', 'b start', 'plain', 'a end', 'b text']);
    const states: string[] = [];
    for (const id of ids) states.push(await store.streamState('s', id));
    assert.deepEqual(states, ['finished', 'running', 'none', 'finished', 'running']);
  });

  test('an answer ends with the life of its session', async (store) => {
    log(store, 's', 'start', START);
    await store.flush();
    const [id] = (await readFrom(store, 's', 'start')).ids as [string];
    store.end('s');
    await store.flush();
    assert.equal(await store.streamState('s', id), 'finished');
    // The next life knows nothing of it: nothing is abandoned.
    log(store, 's', 'again', START);
    await store.flush();
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['again']);
  });

  test('a start without a stream id abandons the open answer without one', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'a');
    log(store, 's', 'two', START);
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    for (let index = 0; index < 3; index += 1) assert.equal(await cursor.step(), 'entry');
    assert.equal(cursor.message, STREAM_END_TOKEN);
    assert.equal(cursor.detail?.kind, 'stream-end');
    assert.equal(isReplacedEnd(cursor.detail), true);
    cursor.leave();
    const { ids, messages } = await readFrom(store, 's', 'start');
    assert.deepEqual(messages, ['one', 'a', STREAM_END_TOKEN, 'two']);
    // What took its place counts.
    assert.equal(await store.streamState('s', ids[1] as string), 'running');
    log(store, 's', 'two end', END);
    await store.flush();
    assert.equal(await store.streamState('s', ids[1] as string), 'finished');
  });

  test('a start after a tool call goes on with the open answer', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'tool', { kind: 'tool-call-start' });
    log(store, 's', 'tool end', { kind: 'tool-call-end' });
    log(store, 's', 'a log', { logType: 'log', severityNumber: 9 });
    log(store, 's', 'of another', { streamId: 'x' });
    log(store, 's', 'two', START);
    log(store, 's', 'end', END);
    await store.flush();
    const { ids, messages } = await readFrom(store, 's', 'start');
    assert.deepEqual(messages, ['one', 'tool', 'tool end', 'a log', 'of another', 'two', 'end']);
    assert.equal(await store.streamState('s', ids[0] as string), 'finished');
  });

  test('only a tool call that ended last, within an answer, lets a start go on with it', async (store) => {
    const toolEnd: Partial<EntryDetail> = { kind: 'tool-call-end' };
    const between: Readonly<Record<string, Partial<EntryDetail> | undefined>> = {
      text: undefined,
      error: { kind: 'error' },
      reasoning: { kind: 'reasoning-stop' },
    };
    for (const [name, fields] of Object.entries(between)) {
      log(store, name, 'one', START);
      log(store, name, 'tool end', toolEnd);
      log(store, name, name, fields);
      log(store, name, 'two', START);
      await store.flush();
      assert.deepEqual((await readFrom(store, name, 'start')).messages, [
        'one',
        'tool end',
        name,
        STREAM_END_TOKEN,
        'two',
      ]);
      assert.deepEqual((await readFrom(store, name, 'stream')).messages, ['two']);
    }
    log(store, 's', 'tool end', toolEnd);
    log(store, 's', 'one', START);
    log(store, 's', 'two', START);
    await store.flush();
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['tool end', 'one', STREAM_END_TOKEN, 'two']);
  });

  test('an answer that goes on after a tool call is one: where readers start, what they leave out, how it stands', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'tool end', { kind: 'tool-call-end' });
    log(store, 's', 'a log', { logType: 'log' });
    await store.flush();
    const cursor = store.open('s', { from: 'unread' });
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      assert.equal(await cursor.step(), 'entry');
      ids.push(cursor.id);
      cursor.delivered();
    }
    cursor.leave();
    log(store, 's', 'x', { ...START, streamId: 'x' });
    log(store, 's', 'two', START);
    await logAll(store, 's', 'text');
    // The answer with a stream id began later.
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, ['x', 'two', 'text']);
    assert.equal(await store.streamState('s', ids[2] as string), 'running');
    log(store, 's', 'end', END);
    await logAll(store, 's', 'after');
    assert.equal(await store.streamState('s', ids[2] as string), 'finished');
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['x', 'after']);
  });

  test('answers with a stream id, and starts that are log entries, abandon nothing', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'x', { ...START, streamId: 'x' });
    log(store, 's', 'x again', { ...START, streamId: 'x' });
    log(store, 's', 'a log', { ...START, logType: 'log' });
    await store.flush();
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['one', 'x', 'x again', 'a log']);
  });

  test('a session without answers has none when it ends either', async (store) => {
    await logAll(store, 's', 'a', 'b', 'c');
    const cursor = store.open('s', { from: 'unread' });
    assert.equal(await cursor.step(), 'entry');
    const { id } = cursor;
    cursor.delivered();
    cursor.leave();
    store.end('s');
    await store.flush();
    assert.equal(await store.streamState('s', id), 'none');
    // Nothing was cut off, so nothing is left out.
    assert.deepEqual((await readFrom(store, 's', 'unread')).messages, ['b', 'c']);
  });

  test(
    'of an answer whose start was evicted the one that took its place counts too',
    async (store) => {
      log(store, 's', 'one', START);
      await logAll(store, 's', ...names(300));
      log(store, 's', 'two', START);
      await store.flush();
      const [oldest] = (await readFrom(store, 's', 'start')).ids as [string];
      assert.equal(await store.streamState('s', oldest), 'running');
      log(store, 's', 'end', END);
      await store.flush();
      // The end may have evicted that one.
      const [left] = (await readFrom(store, 's', 'start')).ids as [string];
      assert.equal(await store.streamState('s', left), 'finished');
    },
    { maxEntriesPerSession: 100 },
  );

  test('the latest answer of the current life runs, is finished, or is none', async (store) => {
    const states: string[] = [];
    const note = async (): Promise<void> => void states.push(await store.answerState('s'));
    await note();
    log(store, 's', 'before');
    await note();
    log(store, 's', 'start', START);
    log(store, 's', 'inside');
    await note();
    log(store, 's', 'a', { ...START, streamId: 'a' });
    log(store, 's', 'end', END);
    await note();
    log(store, 's', 'a end', { ...END, streamId: 'a' });
    log(store, 's', 'after');
    await note();
    log(store, 's', 'again', START);
    log(store, 's', 'instead', START);
    await note();
    store.end('s');
    await note();
    log(store, 's', 'next life');
    await note();
    assert.deepEqual(states, ['none', 'none', 'running', 'running', 'finished', 'running', 'finished', 'none']);
    log(store, 's', 'last', START);
    store.delete('s');
    await note();
    assert.equal(states.at(-1), 'none');
  });

  test('the rest of an answer over which the session ended, or was deleted, is none', async (store) => {
    for (const over of ['end', 'delete'] as const) {
      log(store, over, 'start', { ...START, streamId: 'x' });
      log(store, over, 'inside', { streamId: 'x' });
      store[over](over);
      for (const detail of [{ streamId: 'x' }, { ...END, streamId: 'x' }, END]) {
        log(store, over, 'rest', detail);
        assert.equal(await store.answerState(over), 'none');
      }
    }
  });

  test('a start after a tool call keeps the latest answer running', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'tool end', { kind: 'tool-call-end' });
    log(store, 's', 'two', START);
    assert.equal(await store.answerState('s'), 'running');
    log(store, 's', 'end', END);
    assert.equal(await store.answerState('s'), 'finished');
  });

  test(
    'the latest answer is known although its start was evicted',
    async (store) => {
      for (const streamId of ['x', undefined]) {
        const id = `of ${streamId}`;
        log(store, id, 'start', { ...START, streamId });
        for (const name of names(300)) log(store, id, name, streamId === undefined ? undefined : { streamId });
        assert.equal(await store.answerState(id), 'running');
        log(store, id, 'end', { ...END, streamId });
        assert.equal(await store.answerState(id), 'finished');
      }
    },
    { maxEntriesPerSession: 100 },
  );

  test('what is not held belongs to no answer', async (store) => {
    log(store, 's', 'start', START);
    await store.flush();
    for (const id of ['', 'x', 'a0a0', 'n99999999999999a0', 't99999999999999999999a1', '99999999999999-0']) {
      assert.equal(await store.streamState('s', id), 'none');
    }
    const [id] = (await readFrom(store, 's', 'start')).ids as [string];
    assert.equal(await store.streamState('elsewhere', id), 'none');
  });
}
