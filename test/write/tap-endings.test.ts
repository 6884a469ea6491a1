import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';

import { afterEach, describe, expect, it, vi } from 'vitest';

import type { LogEntry } from '../../src/entry/entry.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';

const diagnostics = recordDiagnostics();
let sessions = new SessionLogs({ loggerProvider: () => undefined });

afterEach(async () => {
  vi.useRealTimers();
  await sessions.shutdown();
  sessions = new SessionLogs({ loggerProvider: () => undefined });
});

const logged = (): LogEntry[] => sessions.getAllLogsInQueue({ sessionId: 's' });
const kinds = (): string[] => logged().map(({ kind, message }) => (kind === 'text' ? message : kind));
const ends = (): LogEntry[] => logged().filter(({ kind }) => kind === 'stream-end');
const reasons = (): unknown => ends().map(({ attributes }) => attributes?.['gen_ai.response.finish_reasons']);

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const chunk of source) seen.push(chunk);
  return seen;
}

async function* words(...chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

const abortErrors: Readonly<Record<string, () => unknown>> = {
  'a DOMException': () => new DOMException('This operation was aborted', 'AbortError'),
  "Node's": () => Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }),
  'one of another realm': () => runInNewContext("Object.assign(new Error('aborted'), { name: 'AbortError' })"),
};

describe('an answer that is stopped', () => {
  it.each(Object.entries(abortErrors))('by an AbortError that the source throws, %s', async (_, make) => {
    const error = make();
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      throw error;
    };
    await expect(collect(sessions.tap('s', source()))).rejects.toBe(error);
    expect(kinds()).toEqual(['stream-start', 'half', 'stream-end']);
    expect(reasons()).toEqual([['aborted']]);
  });

  it('by its signal, whatever the source throws then', async () => {
    const stop = new AbortController();
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      stop.abort();
      throw new Error('socket hang up');
    };
    await expect(collect(sessions.tap('s', source(), { signal: stop.signal }))).rejects.toThrow('socket hang up');
    expect(kinds()).toEqual(['stream-start', 'half', 'stream-end']);
    expect(reasons()).toEqual([['aborted']]);
  });

  it('by its signal when the source just ends, and what it gives on the way there is logged', async () => {
    const stop = new AbortController();
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      stop.abort();
      yield '{"type":"abort"}';
    };
    expect(await collect(sessions.tap('s', source(), { signal: stop.signal }))).toEqual(['half', '{"type":"abort"}']);
    expect(kinds()).toEqual(['stream-start', 'half', '{"type":"abort"}', 'stream-end']);
    expect(reasons()).toEqual([['aborted']]);
  });

  it('by a signal that was aborted before, and by one that tells nobody', async () => {
    expect(await collect(sessions.tap('s', words('a'), { signal: AbortSignal.abort() }))).toEqual(['a']);
    const silent = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} };
    const source = async function* (): AsyncGenerator<string> {
      yield 'a';
      silent.aborted = true;
    };
    const signal = silent as unknown as AbortSignal;
    expect(await collect(sessions.tap('s', source(), { signal }))).toEqual(['a']);
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end', 'stream-start', 'a', 'stream-end']);
    expect(reasons()).toEqual([['aborted'], ['aborted']]);
  });

  it('the same of a web stream: one that errors, and one that closes', async () => {
    for (const way of ['error', 'close'] as const) {
      const stop = new AbortController();
      const reason = new Error('stopped');
      const source = new ReadableStream<string>({
        pull(controller) {
          if (!stop.signal.aborted) controller.enqueue('half');
          else if (way === 'error') controller.error(reason);
          else controller.close();
          stop.abort();
        },
      });
      const reading = collect(sessions.tap('s', source, { signal: stop.signal }));
      if (way === 'error') await expect(reading).rejects.toBe(reason);
      else expect(await reading).toEqual(['half']);
    }
    expect(kinds()).toEqual(['stream-start', 'half', 'stream-end', 'stream-start', 'half', 'stream-end']);
    expect(reasons()).toEqual([['aborted'], ['aborted']]);
  });

  it('and whose source hangs ends a second after the abort, once; the caller still has the source as it is', async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    let give: (result: IteratorResult<string>) => void = () => {};
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => (give = resolve)) }),
    };
    const iterator = sessions.tap('s', source, { signal: stop.signal })[Symbol.asyncIterator]();
    const pending = iterator.next();
    stop.abort();
    await vi.advanceTimersByTimeAsync(999);
    expect(kinds()).toEqual(['stream-start']);
    await vi.advanceTimersByTimeAsync(1);
    expect(kinds()).toEqual(['stream-start', 'stream-end']);
    give({ done: false, value: 'late' });
    expect(await pending).toEqual({ done: false, value: 'late' });
    const last = iterator.next();
    give({ done: true, value: undefined });
    await last;
    expect(kinds()).toEqual(['stream-start', 'stream-end']);
    expect(reasons()).toEqual([['aborted']]);
  });

  it('an abort after the source told its reason, or a consumer that leaves then, stops nothing', async () => {
    const finish = { type: 'finish', finishReason: 'stop', totalUsage: { inputTokens: 1, outputTokens: 2 } };
    const stop = new AbortController();
    const source = async function* (): AsyncGenerator<object> {
      yield finish;
      stop.abort();
    };
    await collect(sessions.tap('s', source(), { signal: stop.signal, map: () => undefined }));
    for await (const _chunk of sessions.tap('s', source(), { map: () => undefined })) break;
    expect(reasons()).toEqual([['stop'], ['stop']]);
    expect(ends()[1]?.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 1, 'gen_ai.usage.output_tokens': 2 });
  });

  it('an abort after the reason, of a source that hangs then, ends it a second later with that reason', async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    const source = async function* (): AsyncGenerator<object> {
      yield { type: 'finish', finishReason: 'stop' };
      await new Promise(() => {});
    };
    const consumed = sessions.consume('s', source(), { signal: stop.signal, map: () => 'a' });
    await vi.advanceTimersByTimeAsync(1);
    stop.abort();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await consumed).toEqual({ finishReason: 'stop', usage: undefined });
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
  });

  it('an abort between two calls of a model that one source gives stops it', async () => {
    const stop = new AbortController();
    const source = async function* (): AsyncGenerator<object> {
      yield { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] };
      yield { choices: [{ index: 0, delta: { content: 'b' }, finish_reason: null }] };
      stop.abort();
    };
    await collect(sessions.tap('s', source(), { signal: stop.signal, map: () => undefined }));
    for await (const chunk of sessions.tap('s', source(), { map: () => undefined })) {
      if (JSON.stringify(chunk).includes('content')) break;
    }
    expect(reasons()).toEqual([['aborted'], ['aborted']]);
  });

  it('a client that hangs up on a Readable of it stops it, whatever it is destroyed with', async () => {
    const endless = async function* (): AsyncGenerator<string> {
      for (;;) {
        await turn();
        yield 'a';
      }
    };
    for (const error of [undefined, new Error('Premature close')]) {
      const readable = Readable.from(sessions.tap('s', endless()));
      readable.on('error', () => {});
      await once(readable, 'readable');
      const closed = new Promise((resolve) => readable.once('close', resolve));
      readable.destroy(error);
      await closed;
    }
    expect(kinds().filter((kind) => kind === 'error')).toEqual([]);
    expect(reasons()).toEqual([['aborted'], ['aborted']]);
  });

  it('and has not come to its end ends with a shutdown, which forgets it', async () => {
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      await new Promise(() => {});
    };
    const [stop, later] = [new AbortController(), new AbortController()];
    const consumed = sessions.consume('s', source(), { signal: stop.signal });
    void sessions.consume('t', source(), { signal: later.signal });
    await turn();
    stop.abort();
    await sessions.shutdown();
    expect(kinds()).toEqual(['stream-start', 'half', 'stream-end']);
    expect(reasons()).toEqual([['aborted']]);
    expect(await consumed).toEqual({ finishReason: 'aborted', usage: undefined });
    later.abort();
    expect(sessions.getAllLogsInQueue({ sessionId: 't' }).map(({ kind }) => kind)).toEqual(['stream-start', 'text']);
  });

  it('what is thrown into it goes on where the source catches it, and is a failure where it throws another error', async () => {
    const catching = async function* (): AsyncGenerator<string> {
      try {
        yield 'a';
      } catch {
        yield 'caught';
      }
      throw new Error('its own');
    };
    const iterator = sessions.tap('s', catching())[Symbol.asyncIterator]();
    await iterator.next();
    expect(await iterator.throw?.(new Error('thrown'))).toEqual({ done: false, value: 'caught' });
    await expect(iterator.next()).rejects.toThrow('its own');
    expect(kinds()).toEqual(['stream-start', 'a', 'caught', 'error', 'stream-end']);
    expect(reasons()).toEqual([['error']]);
  });

  it('a map that ends the answer writes nothing after the end', async () => {
    let leave: () => void = () => {};
    const map = (chunk: string): string => {
      leave();
      return chunk;
    };
    const iterator = sessions.tap('s', words('a', 'b'), { map })[Symbol.asyncIterator]();
    leave = () => void iterator.return?.();
    await iterator.next();
    expect(kinds()).toEqual(['stream-start', 'stream-end']);
  });

  it('a time-out that is not its signal is a failure', async () => {
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      throw new DOMException('The operation timed out', 'TimeoutError');
    };
    await expect(collect(sessions.tap('s', source()))).rejects.toThrow('timed out');
    expect(kinds()).toEqual(['stream-start', 'half', 'error', 'stream-end']);
    expect(reasons()).toEqual([['error']]);
  });

  it('leaves no listener on a signal that many answers have', async () => {
    const stop = new AbortController();
    const added = vi.spyOn(stop.signal, 'addEventListener');
    const removed = vi.spyOn(stop.signal, 'removeEventListener');
    for (let n = 0; n < 50; n += 1) await collect(sessions.tap('s', words('a'), { signal: stop.signal }));
    expect(added).toHaveBeenCalled();
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  });
});

describe('a source that does not keep to the rules of iterators', () => {
  const leaving: Readonly<Record<string, () => Promise<IteratorResult<string>>>> = {
    throws: () => {
      throw new Error('no way out');
    },
    rejects: () => Promise.reject(new Error('no way out')),
  };

  it.each(Object.keys(leaving))('whose return() %s: the end is written, and the caller has the error', async (how) => {
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: 'a' }),
        return: leaving[how] as () => Promise<IteratorResult<string>>,
      }),
    };
    const iterator = sessions.tap('s', source)[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.return?.()).rejects.toThrow('no way out');
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
    expect(reasons()).toEqual([['aborted']]);
  });

  it('whose return() hangs: the end is written at once', async () => {
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: 'a' }),
        return: () => new Promise(() => {}),
      }),
    };
    const iterator = sessions.tap('s', source)[Symbol.asyncIterator]();
    await iterator.next();
    void iterator.return?.();
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
  });

  it('that answers twice, or after its end, is heard once', async () => {
    let calls = 0;
    const twice = {
      // oxlint-disable-next-line unicorn/no-thenable -- a promise that breaks the rules cannot be made otherwise
      then(resolve: (result: IteratorResult<string>) => void) {
        calls += 1;
        resolve(calls < 2 ? { done: false, value: 'a' } : { done: true, value: undefined });
        resolve({ done: false, value: 'b' });
      },
    };
    const source = { [Symbol.asyncIterator]: () => ({ next: () => twice }) } as unknown as AsyncIterable<string>;
    const iterator = sessions.tap('s', source)[Symbol.asyncIterator]();
    while ((await iterator.next()).done !== true);
    await iterator.next();
    await turn();
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
  });

  it('whose chunks cannot be looked at passes them on, and that is said once', async () => {
    const chunk = {
      get type(): string {
        throw new Error('trap');
      },
    };
    const source = async function* (): AsyncGenerator<object> {
      yield chunk;
      yield chunk;
    };
    const seen = await collect(sessions.tap('s', source(), { map: () => 'text' }));
    expect(seen).toEqual([chunk, chunk]);
    expect(kinds()).toEqual(['stream-start', 'text', 'text', 'stream-end']);
    expect(diagnostics.lines.filter((line) => line.includes('could not be read'))).toHaveLength(1);
  });
});

describe('what map tells of the end', () => {
  it('stands on the end of the answer, in the words of the conventions; the text is logged', async () => {
    const map = (chunk: string) =>
      chunk === 'end'
        ? { finishReason: 'max_tokens', usage: { inputTokens: 3, outputTokens: 5, reasoningOutputTokens: 2 } }
        : { text: chunk };
    await collect(sessions.tap('s', words('a', 'b', 'end'), { map, attributes: { 'gen_ai.request.model': 'm' } }));
    expect(kinds()).toEqual(['stream-start', 'a', 'b', 'stream-end']);
    expect(ends()[0]?.attributes).toEqual({
      'gen_ai.request.model': 'm',
      'gen_ai.response.finish_reasons': ['length'],
      'gen_ai.usage.input_tokens': 3,
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.usage.reasoning.output_tokens': 2,
    });
    expect(logged().every(({ attributes }) => attributes?.['gen_ai.request.model'] === 'm')).toBe(true);
  });

  it('counts before what the chunk says, and an object without any of it is text as before', async () => {
    const source = async function* (): AsyncGenerator<object> {
      yield { type: 'finish', finishReason: 'stop', totalUsage: { inputTokens: 1 } };
      yield { n: 1 };
    };
    const map = (chunk: object) =>
      'n' in chunk ? (chunk as never) : { finishReason: 'tool-calls', usage: { prompt_tokens: 7 } };
    await collect(sessions.tap('s', source(), { map }));
    expect(kinds()).toEqual(['stream-start', '{"n":1}', 'stream-end']);
    expect(ends()[0]?.attributes).toEqual({
      'gen_ai.response.finish_reasons': ['tool_call'],
      'gen_ai.usage.input_tokens': 7,
    });
  });

  it('counts before what later chunks say', async () => {
    const source = async function* (): AsyncGenerator<object> {
      yield { n: 1 };
      yield { type: 'finish', finishReason: 'stop', totalUsage: { inputTokens: 1 } };
    };
    const map = (chunk: object) => ('n' in chunk ? { usage: { inputTokens: 7 } } : undefined);
    await collect(sessions.tap('s', source(), { map }));
    expect(ends()[0]?.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 7 });
  });

  it('of what cannot be read, or is a promise, the rest counts', async () => {
    const trap = new Proxy({}, { get: () => expect.fail('trap') });
    await collect(sessions.tap('s', words('a'), { map: (text) => ({ text, usage: trap }) }));
    await collect(sessions.tap('s', words('b'), { map: () => ({ text: Promise.reject(new Error('late')) as never }) }));
    await turn();
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end', 'stream-start', 'stream-end']);
    expect(diagnostics.lines.some((line) => line.includes('not a promise'))).toBe(true);
  });

  it('of what is no reason and no usage nothing stands there', async () => {
    const map = () => ({ text: 'a', finishReason: 3 as never, usage: { inputTokens: Number.NaN, outputTokens: -1 } });
    await collect(sessions.tap('s', words('a'), { map }));
    expect(ends()[0]?.attributes).toBeUndefined();
  });
});

describe('the options of a tap', () => {
  it('are checked at once', () => {
    const refused = (options: object): unknown => {
      try {
        sessions.tap('s', words(), options);
      } catch (error) {
        return (error as Error).message;
      }
      return undefined;
    };
    expect(refused({ signal: {} })).toMatch(/^tap: expected `signal` to be an AbortSignal, got an object/);
    expect(refused({ export: 1 })).toMatch(/^tap: expected `export` to be a boolean, got 1/);
    expect(refused({ attributes: 'x' })).toMatch(/^tap: expected `attributes` to be an object, got "x"/);
    expect(refused({ attributes: null })).toMatch(/^tap: expected `attributes` to be an object, got null/);
    expect(refused({ signal: undefined, read: undefined, attributes: undefined })).toBeUndefined();
  });

  it('attributes are taken when it is made', async () => {
    const attributes = { turn: 1 };
    const tapped = sessions.tap('s', words('a'), { attributes });
    attributes.turn = 2;
    await collect(tapped);
    expect(logged().map((entry) => entry.attributes?.['turn'])).toEqual([1, 1, 1]);
  });
});
