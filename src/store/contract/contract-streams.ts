import assert from 'node:assert/strict';

import { isAbandonedEnd } from '../../entry/entry-detail.ts';
import { STREAM_END_TOKEN } from '../../entry/tokens.ts';
import { END, log, logAll, readFrom, START } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Streams. */
export function streamContract(test: ContractTest): void {
  test('a stream runs from its start to its end', async (store) => {
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

  test('streams with ids run side by side', async (store) => {
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

  test('a stream ends with the life of its session', async (store) => {
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

  test('a start without an id abandons the open stream without one', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'a');
    log(store, 's', 'two', START);
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    for (let index = 0; index < 3; index += 1) assert.equal(await cursor.step(), 'entry');
    assert.equal(cursor.message, STREAM_END_TOKEN);
    assert.equal(cursor.detail?.kind, 'stream-end');
    assert.equal(isAbandonedEnd(cursor.detail), true);
    cursor.leave();
    const { ids, messages } = await readFrom(store, 's', 'start');
    assert.deepEqual(messages, ['one', 'a', STREAM_END_TOKEN, 'two']);
    // What took its place counts.
    assert.equal(await store.streamState('s', ids[1] as string), 'running');
    log(store, 's', 'two end', END);
    await store.flush();
    assert.equal(await store.streamState('s', ids[1] as string), 'finished');
  });

  test('a start after a tool call goes on with the open stream', async (store) => {
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

  test('streams with an id, and starts that are log entries, abandon nothing', async (store) => {
    log(store, 's', 'one', START);
    log(store, 's', 'x', { ...START, streamId: 'x' });
    log(store, 's', 'x again', { ...START, streamId: 'x' });
    log(store, 's', 'a log', { ...START, logType: 'log' });
    await store.flush();
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['one', 'x', 'x again', 'a log']);
  });

  test('what is not held belongs to no stream', async (store) => {
    log(store, 's', 'start', START);
    await store.flush();
    for (const id of ['', 'x', '0-0', '99999999999999-0', '99999999999999999999-1']) {
      assert.equal(await store.streamState('s', id), 'none');
    }
    const [id] = (await readFrom(store, 's', 'start')).ids as [string];
    assert.equal(await store.streamState('elsewhere', id), 'none');
  });
}
