import { describe, expect, it } from 'vitest';

import { NextQueue } from '../../src/read/next-queue.ts';

describe('NextQueue', () => {
  const call = (queue: NextQueue<string>): Promise<IteratorResult<string, undefined>> =>
    new Promise((resolve, reject) => queue.push(resolve, reject));

  it('gives the calls back in the order in which they came, also when they come and go by turns', async () => {
    const queue = new NextQueue<string>();
    const calls = [call(queue), call(queue), call(queue)];
    queue.shift()?.resolve({ value: 'first', done: false });
    calls.push(call(queue));
    for (const value of ['second', 'third', 'fourth']) queue.shift()?.resolve({ value, done: false });
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('is empty until a call waits, and again when the last is taken out', () => {
    const queue = new NextQueue<string>();
    expect([queue.isEmpty, queue.shift()]).toEqual([true, undefined]);
    void call(queue);
    void call(queue);
    queue.shift();
    expect(queue.isEmpty).toBe(false);
    queue.shift();
    expect([queue.isEmpty, queue.shift()]).toEqual([true, undefined]);
  });

  it('a call that is taken out can be rejected, and the others are not touched', async () => {
    const queue = new NextQueue<string>();
    const rejected = call(queue);
    const other = call(queue);
    queue.shift()?.reject(new Error('aborted'));
    await expect(rejected).rejects.toThrow('aborted');
    queue.shift()?.resolve({ value: 'x', done: false });
    expect(await other).toEqual({ value: 'x', done: false });
  });

  it('finish answers all of them as done and leaves the queue usable', async () => {
    const queue = new NextQueue<string>();
    const calls = [call(queue), call(queue), call(queue)];
    queue.finish();
    expect(queue.isEmpty).toBe(true);
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ value: undefined, done: true })));
    const late = call(queue);
    queue.finish();
    expect((await late).done).toBe(true);
  });
});
