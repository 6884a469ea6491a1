import { describe, expect, it } from 'vitest';

import { NextQueue } from '../../src/read/next-queue.ts';

describe('NextQueue', () => {
  it('answers the calls in the order in which they came, also when they come and go by turns', async () => {
    const queue = new NextQueue<string>();
    const calls = [queue.push(), queue.push(), queue.push()];
    queue.resolveFirst('first');
    calls.push(queue.push());
    for (const value of ['second', 'third', 'fourth']) queue.resolveFirst(value);
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('is empty until a call waits, and again when the last is answered or taken out', () => {
    const queue = new NextQueue<string>();
    expect([queue.isEmpty, queue.takeFirst()]).toEqual([true, undefined]);
    queue.resolveFirst('nobody waits');
    void queue.push();
    void queue.push();
    queue.resolveFirst('x');
    expect(queue.isEmpty).toBe(false);
    expect(queue.takeFirst()).toBeTypeOf('function');
    expect([queue.isEmpty, queue.takeFirst()]).toEqual([true, undefined]);
  });

  it('a call that is taken out can be rejected, and the others are not touched', async () => {
    const queue = new NextQueue<string>();
    const [rejected, other] = [queue.push(), queue.push()];
    queue.takeFirst()?.(new Error('aborted'));
    await expect(rejected).rejects.toThrow('aborted');
    queue.resolveFirst('x');
    expect(await other).toEqual({ value: 'x', done: false });
  });

  it('queues side by side keep their calls apart', async () => {
    const queues = [new NextQueue<string>(), new NextQueue<string>()] as const;
    const calls = [queues[0].push(), queues[1].push(), queues[0].push(), queues[1].push()];
    queues[1].resolveFirst('c');
    queues[0].resolveFirst('a');
    queues[0].resolveFirst('b');
    queues[1].resolveFirst('d');
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(['a', 'c', 'b', 'd']);
  });

  it('finish answers all of them as done and leaves the queue usable', async () => {
    const queue = new NextQueue<string>();
    const calls = [queue.push(), queue.push(), queue.push()];
    queue.finish();
    expect(queue.isEmpty).toBe(true);
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ value: undefined, done: true })));
    const late = queue.push();
    queue.finish();
    expect((await late).done).toBe(true);
  });
});
