import { setImmediate as turn } from 'node:timers/promises';

import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import type { LogEntry } from '../../src/entry/entry.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';

const diagnostics = recordDiagnostics();
let sessions = new SessionLogs();

afterEach(async () => {
  await sessions.shutdown();
  sessions = new SessionLogs();
});

const logged = (): LogEntry[] => sessions.getAllLogsInQueue({ sessionId: 's' });
const kinds = (): string[] => logged().map(({ kind, message }) => (kind === 'text' ? message : kind));
const reasons = (): unknown =>
  logged().find(({ kind }) => kind === 'stream-end')?.attributes?.['gen_ai.response.finish_reasons'];

async function* words(...chunks: string[]): AsyncGenerator<string> {
  for (const chunk of chunks) {
    await turn();
    yield chunk;
  }
}

function streamOf<T>(...chunks: T[]): ReadableStream<T> {
  return new ReadableStream<T>({
    pull(controller) {
      const [next] = chunks.splice(0, 1);
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const chunk of source) seen.push(chunk);
  return seen;
}

describe('tap', () => {
  it('passes an async iterable on unchanged and logs each chunk before the consumer has it', async () => {
    const seen: string[] = [];
    for await (const chunk of sessions.tap('s', words('a', 'b'))) {
      expect(logged().at(-1)?.message).toBe(chunk);
      seen.push(chunk);
    }
    expect(seen).toEqual(['a', 'b']);
    expect(kinds()).toEqual(['stream-start', 'a', 'b', 'stream-end']);
    expect(reasons()).toBeUndefined();
  });

  it('passes a web stream on as a web stream, chunk by chunk the same objects', async () => {
    const chunk = { delta: 'x' };
    const tapped = sessions.tap('s', streamOf<object>(chunk));
    expect(tapped).toBeInstanceOf(ReadableStream);
    const [first] = await collect(tapped);
    expect(first).toBe(chunk);
    expect(kinds()).toEqual(['stream-start', '{"delta":"x"}', 'stream-end']);
  });

  it('gives each tap a stream id of its own, on every entry', async () => {
    await Promise.all([collect(sessions.tap('s', words('a', 'b'))), collect(sessions.tap('s', words('c', 'd')))]);
    const ids = new Set(logged().map(({ streamId }) => streamId));
    expect(ids.size).toBe(2);
    expect(ids.has(undefined)).toBe(false);
    for (const id of ids) {
      const own = logged().filter(({ streamId }) => streamId === id);
      expect(own).toHaveLength(4);
    }
  });

  it('takes what a model writes for text, even a token', async () => {
    await collect(sessions.tap('s', words('<start>', '</end>', '</think>')));
    expect(logged().map(({ kind }) => kind)).toEqual(['stream-start', 'text', 'text', 'text', 'stream-end']);
  });

  it('logs what map gives, nothing for undefined, and passes the chunk on all the same', async () => {
    const chunks = [{ delta: 'a' }, { usage: 3 }, { delta: '' }];
    const seen = await collect(sessions.tap('s', streamOf<{ delta?: string }>(...chunks), { map: (c) => c.delta }));
    expect(seen).toEqual(chunks);
    expect(kinds()).toEqual(['stream-start', 'a', '', 'stream-end']);
  });

  it('a map that throws costs that chunk its entry, nothing else; one diag line', async () => {
    const map = (chunk: string): string => {
      if (chunk === 'b') throw new Error('bad map');
      return chunk;
    };
    expect(await collect(sessions.tap('s', words('a', 'b', 'c'), { map }))).toEqual(['a', 'b', 'c']);
    expect(kinds()).toEqual(['stream-start', 'a', 'c', 'stream-end']);
    expect(diagnostics.lines.filter((line) => line.includes('bad map'))).toHaveLength(1);
  });

  it('an async map costs its chunks their entries, and ends no process when it rejects', async () => {
    const rejections: unknown[] = [];
    const note = (error: unknown): void => void rejections.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const map = (() => Promise.reject(new Error('late'))) as never;
    expect(await collect(sessions.tap('s', words('a'), { map }))).toEqual(['a']);
    await turn();
    expect(rejections).toEqual([]);
    expect(kinds()).toEqual(['stream-start', 'stream-end']);
  });

  it('a tap that is never read writes nothing, also when it is left', async () => {
    sessions.tap('s', words('a'));
    const iterator = sessions.tap('s', words('a'))[Symbol.asyncIterator]();
    await iterator.return?.();
    await sessions.tap('s', streamOf('a')).cancel();
    expect(logged()).toEqual([]);
  });

  it('a promise of a source is refused, and told to be awaited', () => {
    const promise = Promise.resolve(words('a')) as never;
    expect(() => sessions.tap('s', promise)).toThrow(
      'tap: expected an async iterable or a web stream, got a promise: await it first',
    );
    expect(logged()).toEqual([]);
  });

  const failing = async function* (): AsyncGenerator<string> {
    yield 'half';
    throw Object.assign(new Error('secret reason'), { name: 'ModelError' });
  };

  it('a source that fails: an error entry, the end with its reason, and the error reaches the caller', async () => {
    await expect(collect(sessions.tap('s', failing()))).rejects.toThrow('secret reason');
    expect(kinds()).toEqual(['stream-start', 'half', 'error', 'stream-end']);
    expect(reasons()).toEqual(['error']);
    const error = logged().find(({ kind }) => kind === 'error');
    expect(error?.message).toBe('secret reason');
    expect(error?.attributes).toMatchObject({ 'exception.message': 'secret reason', 'exception.type': 'ModelError' });
  });

  it('a source that fails does not read, as text, as an answer with the error in it', async () => {
    const echoed: string[] = [];
    const echoing = new SessionLogs({
      loggerProvider: () => undefined,
      streamHandler: (text) => void echoed.push(text),
    });
    await expect(collect(echoing.tap('s', failing()))).rejects.toThrow('secret reason');
    await echoing.logChunkToQueue('no more credit', 's', { kind: 'error' });
    const until = 'caught-up';
    expect(await collect(echoing.getSessionLogs('s', { tokens: false, until }))).toEqual(['half']);
    expect(await collect(echoing.getSessionLogs('s', { from: 'start', until }))).toEqual(['<start>', 'half', '</end>']);
    expect(await collect(echoing.toReadableStream('s'))).toEqual(['half']);
    expect(await collect(echoing.pop('s'))).toEqual(['<start>', 'half', '</end>']);
    expect(echoed).toEqual(['<start>', 'half', '</end>']);
    // The operator has both, in full.
    const errors = (await collect(echoing.followSession('s', { until }))).filter(({ kind }) => kind === 'error');
    expect(errors.map(({ message }) => message)).toEqual(['secret reason', 'no more credit']);
    await echoing.shutdown();
  });

  it('the same for a web stream: the very same error', async () => {
    const boom = new Error('boom');
    const source = new ReadableStream<string>({
      pull(controller) {
        controller.error(boom);
      },
    });
    await expect(collect(sessions.tap('s', source))).rejects.toBe(boom);
    expect(kinds()).toEqual(['stream-start', 'error', 'stream-end']);
  });

  it.each([[undefined], [null], ['a string']])('a source that throws %s is an error entry too', async (thrown) => {
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(thrown) }),
    };
    await expect(collect(sessions.tap('s', source))).rejects.toBe(thrown);
    expect(kinds()).toEqual(['stream-start', 'error', 'stream-end']);
  });

  it('a consumer that breaks off: the end is written as aborted and the source is returned', async () => {
    let isReturned = false;
    const source = async function* (): AsyncGenerator<string> {
      try {
        yield 'a';
        yield 'b';
      } finally {
        isReturned = true;
      }
    };
    for await (const chunk of sessions.tap('s', source())) {
      expect(chunk).toBe('a');
      break;
    }
    expect(isReturned).toBe(true);
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
    expect(reasons()).toEqual(['aborted']);
  });

  it('a consumer that leaves while the source is silent: the end is written at once', async () => {
    const silent: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const iterator = sessions.tap('s', silent)[Symbol.asyncIterator]();
    void iterator.next();
    await iterator.return?.();
    expect(kinds()).toEqual(['stream-start', 'stream-end']);
    expect(reasons()).toEqual(['aborted']);
  });

  it('a chunk that comes after the consumer left is not logged behind the end', async () => {
    let give: ((chunk: string) => void) | undefined;
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) => {
            give = (value) => resolve({ done: false, value });
          }),
      }),
    };
    const iterator = sessions.tap('s', source)[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();
    give?.('late');
    expect(await pending).toEqual({ done: false, value: 'late' });
    expect(kinds()).toEqual(['stream-start', 'stream-end']);
  });

  it('a web stream that is cancelled cancels its source with the reason', async () => {
    let cancelled: unknown;
    const source = new ReadableStream<string>({
      pull: (controller) => controller.enqueue('a'),
      cancel(reason) {
        cancelled = reason;
      },
    });
    const reader = sessions.tap('s', source).getReader();
    await reader.read();
    await reader.cancel('enough');
    expect(cancelled).toBe('enough');
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
    expect(reasons()).toEqual(['aborted']);
  });

  it('is there on a session handle', async () => {
    expect(await collect(sessions.session('s').tap(words('a')))).toEqual(['a']);
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
  });

  it('goes on to pass chunks after shutdown', async () => {
    const tapped = sessions.tap('s', words('a', 'b'));
    await sessions.shutdown();
    expect(await collect(tapped)).toEqual(['a', 'b']);
  });

  it('refuses wrong arguments at once', () => {
    expect(() => sessions.tap('', words())).toThrow(TypeError);
    expect(() => sessions.tap('s', 'text' as never)).toThrow(/tap.*got "text" \(string\)/);
    expect(() => sessions.tap('s', words(), { map: 3 as never })).toThrow(/`map`.*got 3/);
    expect(() => sessions.tap('s', words(), { mapp: String } as never)).toThrow(/tap: unknown option `mapp`/);
    const locked = streamOf('a');
    locked.getReader();
    expect(() => sessions.tap('s', locked)).toThrow(TypeError);
  });
});
