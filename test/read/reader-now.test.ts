import { describe, expect, it } from 'vitest';

import { openReader } from '../../src/read/reader-options.ts';
import type { ReaderOptions } from '../../src/read/reader-options.ts';
import type { SessionReader } from '../../src/read/reader.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import type { OpenOptions, SessionCursor, Step } from '../../src/store/session-store.ts';

/** Answers each step later, as a store on another machine may. */
class LateStore extends MemorySessionStore {
  failure: Error | undefined = undefined;

  override open(sessionId: string, options: OpenOptions): SessionCursor {
    const cursor = super.open(sessionId, options);
    const now = cursor.step.bind(cursor) as () => Step;
    cursor.step = async () => {
      await Promise.resolve();
      if (this.failure !== undefined) throw this.failure;
      return now();
    };
    return cursor;
  }
}

const readerOf = (store: MemorySessionStore, options: ReaderOptions = {}): SessionReader<string> =>
  openReader<string>(
    store,
    's',
    {
      owner: 'test',
      yields: 'message',
      from: 'start',
      until: 'session-end',
      logType: 'chat',
      tokens: true,
      wait: true,
      isForClient: false,
    },
    options,
  );

const write = (store: MemorySessionStore, ...texts: string[]): void => {
  for (const text of texts) store.append('s', text, 0, undefined);
};

describe('nextNow', () => {
  it('gives what is there, and leaves the wait to next()', async () => {
    const store = new MemorySessionStore();
    write(store, 'a', 'b', 'c');
    const reader = readerOf(store);
    expect(reader.nextNow()).toBeUndefined(); // it does not begin to read
    expect(await reader.next()).toEqual({ value: 'a', done: false });
    expect([reader.nextNow(), reader.nextNow(), reader.nextNow()]).toEqual(['b', 'c', undefined]);
    const waiting = reader.next();
    expect(reader.nextNow()).toBeUndefined();
    write(store, 'd', 'e');
    expect((await waiting).value).toBe('d');
    expect(reader.nextNow()).toBe('e');
    await reader.return();
    expect(reader.nextNow()).toBeUndefined();
  });

  it('keeps the end that it met for next()', async () => {
    const store = new MemorySessionStore();
    write(store, 'a');
    const reader = readerOf(store);
    await reader.next();
    store.end('s');
    write(store, 'next life');
    expect([reader.nextNow(), reader.nextNow()]).toEqual([undefined, undefined]);
    expect(reader.endReason).toBeUndefined();
    expect((await reader.next()).done).toBe(true);
    expect(reader.endReason).toBe('session-end');
  });

  it('throws what the store threw, and has ended', async () => {
    const store = new MemorySessionStore();
    write(store, 'a', 'b');
    const cursor = store.open('s', { from: 'start' });
    const reader = readerOf(Object.assign(Object.create(store) as MemorySessionStore, { open: () => cursor }));
    await reader.next();
    cursor.step = () => {
      throw new Error('away');
    };
    expect(() => reader.nextNow()).toThrow('away');
    expect(reader.endReason).toBe('failed');
    expect((await reader.next()).done).toBe(true);
  });

  it('keeps what a store answers later for next(), its failure too', async () => {
    const store = new LateStore();
    write(store, 'a', 'b', 'c');
    const reader = readerOf(store);
    expect((await reader.next()).value).toBe('a');
    expect([reader.nextNow(), reader.nextNow()]).toEqual([undefined, undefined]);
    expect((await reader.next()).value).toBe('b');
    store.failure = new Error('away');
    expect(reader.nextNow()).toBeUndefined();
    await new Promise(setImmediate); // a rejection that nobody handles would fail the test run
    await expect(reader.next()).rejects.toThrow('away');
    expect(reader.endReason).toBe('failed');
  });
});
