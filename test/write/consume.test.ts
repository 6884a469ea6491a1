import { setImmediate as turn } from 'node:timers/promises';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import type { LogEntry, ReaderOptions } from '../../src/index.ts';

let sessions = new SessionLogs({ loggerProvider: () => undefined });

afterEach(async () => {
  vi.useRealTimers();
  await sessions.shutdown();
  sessions = new SessionLogs({ loggerProvider: () => undefined });
});

const kinds = (): string[] =>
  sessions.getAllLogsInQueue({ sessionId: 's' }).map(({ kind, message }) => (kind === 'text' ? message : kind));

async function* words(...chunks: readonly string[]): AsyncGenerator<string> {
  for (const chunk of chunks) {
    await turn();
    yield chunk;
  }
}

describe('consume', () => {
  it('reads to the end although readers come and go, and tells how it ended', async () => {
    const finish = { type: 'finish', finishReason: 'length', totalUsage: { inputTokens: 2, outputTokens: 3 } };
    const source = async function* (): AsyncGenerator<object> {
      for await (const text of words('a', 'b', 'c')) yield { type: 'text-delta', text };
      yield finish;
    };
    const map = (part: { text?: string }): string | undefined => part.text;
    const consumed = sessions.consume('s', source(), { map });
    expect(await sessions.answerState('s')).toBe('running');
    for await (const text of sessions.toReadableStream('s')) {
      expect(text).toBe('a');
      break; // the first client leaves
    }
    expect(await consumed).toEqual({ finishReason: 'length', usage: { inputTokens: 2, outputTokens: 3 } });
    expect(kinds()).toEqual(['stream-start', 'a', 'b', 'c', 'stream-end']);
    expect(await sessions.answerState('s')).toBe('finished');
  });

  it('takes a web stream, is on the handle, and knows nothing where the source tells nothing', async () => {
    const stream = new ReadableStream<string>({
      start(controller) {
        controller.enqueue('a');
        controller.close();
      },
    });
    const session = sessions.session('s');
    expect(await session.consume(stream)).toEqual({ finishReason: undefined, usage: undefined });
    expect(kinds()).toEqual(['stream-start', 'a', 'stream-end']);
    expect(await session.answerState()).toBe('finished');
  });

  it('does not reject when the source fails: the session has it, and the result', async () => {
    const error = new Error('overloaded');
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      throw error;
    };
    expect(await sessions.consume('s', source())).toEqual({ finishReason: 'error', usage: undefined, error });
    expect(kinds()).toEqual(['stream-start', 'half', 'error', 'stream-end']);
    const broken = {
      [Symbol.asyncIterator]: () => {
        throw error;
      },
    };
    expect(await sessions.consume('t', broken)).toMatchObject({ finishReason: 'error', error });
  });

  it('gives the record of an error severity ERROR, and readers the chat entry that it is', async () => {
    const records: ReadableLogRecord[] = [];
    const nothing = (): Promise<void> => Promise.resolve();
    const started: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const provider = new LoggerProvider({
      processors: [
        started.processor,
        { onEmit: (record) => records.push(record), forceFlush: nothing, shutdown: nothing },
      ],
    });
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      throw new TypeError('overloaded');
    };
    await started.consume('s', source());
    expect(records.map(({ eventName, severityNumber }) => [eventName, severityNumber])).toEqual([
      ['session_logs.stream_start', undefined],
      [undefined, undefined],
      ['session_logs.error', 17],
      ['session_logs.stream_end', undefined],
    ]);
    expect(records[2]).toMatchObject({
      body: 'overloaded',
      severityText: 'ERROR',
      attributes: {
        'session.id': 's',
        'session_logs.log_type': 'chat',
        'exception.type': 'TypeError',
        'exception.message': 'overloaded',
      },
    });
    const read = async (options: ReaderOptions): Promise<string[]> => {
      const entries: LogEntry[] = [];
      for await (const entry of started.followSession('s', { until: 'caught-up', ...options })) entries.push(entry);
      return entries.map(({ kind, logType }) => `${kind} ${logType}`);
    };
    const all = ['stream-start chat', 'text chat', 'error chat', 'stream-end chat'];
    expect(await read({})).toEqual(all);
    expect(await read({ minimumSeverity: 'fatal' })).toEqual(all);
    expect(await read({ logType: 'chat' })).toEqual(all);
    expect(await read({ logType: 'log' })).toEqual([]);
    // Read again by its attributes, as by a receiver, it is of the same type.
    const other = new SessionLogs({ loggerProvider: () => undefined });
    for (const record of records) other.processor.onEmit(record as Parameters<typeof other.processor.onEmit>[0]);
    expect(other.getAllLogsInQueue().map(({ kind, logType }) => `${kind} ${logType}`)).toEqual(all);
  });

  it('tells of a stop, without an error', async () => {
    const stop = new AbortController();
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      stop.abort();
      throw stop.signal.reason;
    };
    const consumed = await sessions.consume('s', source(), { signal: stop.signal });
    expect(consumed).toEqual({ finishReason: 'aborted', usage: undefined });
    expect(kinds()).toEqual(['stream-start', 'half', 'stream-end']);
  });

  it('resolves although a source that was told to stop hangs', async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    const source: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const consumed = sessions.consume('s', source, { signal: stop.signal });
    stop.abort();
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await consumed).finishReason).toBe('aborted');
  });

  it('lets others have their turn while the source always has a chunk', async () => {
    const beats: number[] = [];
    let read = 0;
    const source = async function* (): AsyncGenerator<string> {
      for (; read < 2_000; read += 1) yield 'x';
    };
    const beating = (async () => {
      while (read < 2_000) {
        await turn();
        beats.push(read);
      }
    })();
    await sessions.consume('s', source());
    await beating;
    expect(beats.filter((at) => at > 0 && at < 2_000).length).toBeGreaterThan(5);
  });

  it('reads on over a shutdown, and what comes is counted', async () => {
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const source = async function* (): AsyncGenerator<string> {
      yield 'a';
      await gate;
      yield 'b';
    };
    const consumed = sessions.consume('s', source());
    await turn();
    await sessions.shutdown();
    go();
    expect(await consumed).toEqual({ finishReason: undefined, usage: undefined });
    expect(kinds()).toEqual(['stream-start', 'a']);
    expect(sessions.stats().lost).toEqual({ after_shutdown: 2 });
  });

  it('refuses wrong arguments at once', () => {
    expect(() => sessions.consume('', words())).toThrow(/^consume: /);
    expect(() => sessions.consume('s', Promise.resolve(words()) as never)).toThrow(/^consume: .*a promise: await it/);
    expect(() => sessions.consume('s', words(), { mapp: 1 } as never)).toThrow(/^consume: unknown option `mapp`/);
    const locked = new ReadableStream();
    locked.getReader();
    expect(() => sessions.consume('s', locked)).toThrow(TypeError);
    expect(sessions.getAllLogsInQueue()).toEqual([]);
  });
});

describe('answerState', () => {
  it('refuses what is no session id, and a shut down instance', async () => {
    await expect(sessions.answerState('')).rejects.toThrow(TypeError);
    expect(await sessions.answerState('nobody')).toBe('none');
    await sessions.shutdown();
    await expect(sessions.answerState('s')).rejects.toMatchObject({ code: 'shut_down' });
  });

  it('knows nothing of an answer that no reader gets', async () => {
    await sessions.consume('s', words('a'), { read: false });
    expect(await sessions.answerState('s')).toBe('none');
  });
});
