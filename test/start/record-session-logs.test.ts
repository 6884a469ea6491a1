import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { logs } from '@opentelemetry/api';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { patternRedaction } from '../../src/redaction.ts';
import { recordSessionLogs } from '../../src/testing.ts';
import type { RecordedLog, RecordSessionLogsOptions, SessionLogsRecorder } from '../../src/testing.ts';
import { builtProgram } from '../support/built-source.ts';
import { RECORDED, runRecorderCases } from '../support/recorder-cases.ts';

function record(options?: RecordSessionLogsOptions): SessionLogsRecorder {
  const recorder = recordSessionLogs(options);
  onTestFinished(() => recorder.shutdown());
  return recorder;
}

const messages = (records: readonly RecordedLog[]): string[] => records.map(({ message }) => message);

describe('recordSessionLogs', () => {
  it('has what was logged as plain data: for destinations, and for readers', async () => {
    const { sessions, records, entries } = record();
    expect(entries).toEqual([]);
    await sessions.logChunkToQueue('<start>', 's', { timestamp: 0 });
    await sessions.logChunkToQueue('Hello', 's', { timestamp: 1, streamId: 'a', attributes: { when: new Date(0) } });
    sessions.logger.warn('slow', { millis: 5 });
    expect(records.slice(0, 2)).toStrictEqual([
      {
        sessionId: 's',
        message: '<start>',
        timestamp: '1970-01-01T00:00:00.000Z',
        logType: 'chat',
        kind: 'stream-start',
        attributes: {},
      },
      {
        sessionId: 's',
        message: 'Hello',
        timestamp: '1970-01-01T00:00:00.001Z',
        logType: 'chat',
        kind: 'text',
        streamId: 'a',
        attributes: { when: '1970-01-01T00:00:00.000Z' },
      },
    ]);
    expect(records[2]).toMatchObject({ sessionId: undefined, message: 'slow', severityText: 'WARN', logType: 'log' });
    expect(JSON.parse(JSON.stringify(records[1]))).toStrictEqual(records[1]);
  });

  it('is one array of records that grows, which `clear` empties; entries are those of now', async () => {
    const recorder = record();
    const { sessions, records, clear } = recorder;
    await sessions.logChunkToQueue('frame', 's', { export: false });
    await sessions.logChunkToQueue('clean', 's', { read: false });
    expect(messages(records)).toEqual(['clean']);
    expect(recorder.entries.map(({ message }) => message)).toEqual(['frame']);
    clear();
    expect(records).toEqual([]);
    expect(recorder.entries).toHaveLength(1);
  });

  it('merges answers, with finish reason and usage, as a start does', async () => {
    const { sessions, records } = record({ coalesce: true });
    const source = async function* (): AsyncGenerator<object> {
      yield { type: 'text-delta', text: 'Hel' };
      yield { type: 'text-delta', text: 'lo' };
      yield { type: 'finish', finishReason: 'stop', totalUsage: { outputTokens: 2 } };
    };
    await sessions.consume('s', source(), { map: (part: { text?: string }) => part.text });
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      message: 'Hello',
      kind: 'text',
      attributes: {
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.output_tokens': 2,
        'session_logs.chunk_count': 2,
      },
    });
    const { sessions: small, records: cut } = record({ coalesce: { maxChars: 2 } });
    await small.logChunkToQueue('abc', 's');
    await small.logChunkToQueue('</end>', 's');
    expect(messages(cut)).toEqual(['ab', 'c']);
  });

  it('redacts as a start does: what is dropped is nowhere', async () => {
    const { sessions, records } = record({
      redact: patternRedaction([{ pattern: /sk-[a-z0-9]{8,}/, replacement: '[KEY]' }]),
    });
    for (const piece of ['the sk-ab', 'cdefgh12.']) await sessions.logChunkToQueue(piece, 's');
    sessions.endSession('s');
    expect(messages(records).join('')).toBe('the [KEY].');
    const dropping = record({ redact: () => undefined });
    await dropping.sessions.logChunkToQueue('no', 's');
    expect([dropping.records, dropping.entries]).toEqual([[], []]);
  });

  it('takes what other loggers emit to its provider, and touches no global one', () => {
    const { sessions, records, loggerProvider } = record();
    const before = logs.getLoggerProvider();
    sessions.withSession('s', () =>
      loggerProvider.getLogger('pino', '1').emit({
        body: { a: 1 },
        severityNumber: 17,
        timestamp: new Date(5),
        exception: new RangeError('too far'),
        attributes: { b: 2 },
      }),
    );
    expect(records).toMatchObject([
      {
        sessionId: 's',
        message: '{"a":1}',
        timestamp: '1970-01-01T00:00:00.005Z',
        logType: 'log',
        severityNumber: 17,
        attributes: { b: 2, 'exception.type': 'RangeError', 'exception.message': 'too far' },
      },
    ]);
    expect(logs.getLoggerProvider()).toBe(before);
  });

  it('keeps recorders apart, and refuses wrong options', async () => {
    const [one, other] = [record(), record()];
    await one.sessions.logChunkToQueue('a', 's');
    expect(other.records).toEqual([]);
    expect(() => recordSessionLogs({ coalesce: 1 as never })).toThrow(/^recordSessionLogs: expected `coalesce` to be/);
    expect(() => recordSessionLogs({ stroe: 1 } as never)).toThrow(/^recordSessionLogs: unknown option `stroe`/);
    await one.shutdown();
    await one[Symbol.asyncDispose]();
    expect(one.sessions.isShutDown).toBe(true);
  });
});

describe('until', () => {
  it('resolves with what the predicate answers, at once or when it is logged, ended or deleted', async () => {
    const { sessions, until } = record();
    const found = until((records) => records.find(({ message }) => message === 'b'));
    const frame = until(() => sessions.getAllLogsInQueue().length > 1);
    const gone = until(() => sessions.allSessionsInQueue.length === 0 && 'gone');
    expect(await gone).toBe('gone');
    await sessions.logChunkToQueue('a', 's');
    await sessions.logChunkToQueue('b', 's', { export: false });
    expect(await frame).toBe(true);
    await sessions.logChunkToQueue('b', 's');
    expect((await found).sessionId).toBe('s');
    const deleted = until(() => sessions.allSessionsInQueue.length === 0);
    sessions.deleteSession('s');
    expect(await deleted).toBe(true);
    const ended = until(() => sessions.allSessionsInQueues.length === 0);
    await sessions.logChunkToQueue('a', 't');
    sessions.endSession('t');
    expect(await ended).toBe(true);
  });

  it('asks once for all that is logged in a turn', async () => {
    const { sessions, until } = record();
    let asked = 0;
    const waiting = until((records) => {
      asked += 1;
      return records.length === 1_000;
    });
    for (let n = 0; n < 1_000; n += 1) void sessions.logChunkToQueue('x', 's');
    await waiting;
    expect(asked).toBe(2);
  });

  it('says what was logged when its time is over', async () => {
    const { sessions, until } = record();
    const soon = { timeoutMillis: 1 };
    await expect(until(() => false, soon)).rejects.toThrow(
      'until: the predicate was not met in time; nothing was logged',
    );
    for (const n of [1, 2, 3, 4, 5, 6]) await sessions.logChunkToQueue(`m${n}`, 's');
    await sessions.logChunkToQueue('</end>', 's');
    await expect(until(() => undefined, soon)).rejects.toMatchObject({
      code: 'until_timeout',
      message: expect.stringMatching(
        /7 logs so far.*\n {2}\[s\] "m3" \(string\)\n[^]*\n {2}\[s\] stream-end \(docs: \S+\)$/,
      ) as string,
    });
  });

  it('rejects with what the predicate throws, and refuses what is none', async () => {
    const { sessions, until } = record();
    const error = new Error('bad predicate');
    const failing = until((records) => {
      if (records.length > 0) throw error;
    });
    await sessions.logChunkToQueue('a', 's');
    await expect(failing).rejects.toBe(error);
    await expect(until(async () => true)).rejects.toThrow('got a promise');
    await expect(until(3 as never)).rejects.toThrow(TypeError);
    await expect(until(() => true, { timeout: 3 } as never)).rejects.toThrow(/unknown option `timeout`/);
  });
});

/** Everything that can be faked. */
const everything = (): NonNullable<NonNullable<Parameters<typeof vi.useFakeTimers>[0]>['toFake']> => [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'Date',
  'hrtime',
];

describe('recorded under fake timers', () => {
  afterEach(() => void vi.useRealTimers());

  it.each(['before', 'after'])('that are installed %s it is made: vitest', async (when) => {
    const fake = (): void => void vi.useFakeTimers({ toFake: everything() });
    if (when === 'before') fake();
    expect(await runRecorderCases(when === 'after' ? fake : undefined)).toEqual(RECORDED);
  });

  it('that are installed before this package is loaded: vitest', async () => {
    vi.useFakeTimers({ toFake: everything() });
    vi.resetModules();
    const { runRecorderCases: run } = await import('../support/recorder-cases.ts');
    expect(run).not.toBe(runRecorderCases);
    expect(await run()).toEqual(RECORDED);
  });

  it.each(['before', 'after'])('that are installed %s it is made: node:test', async (when) => {
    const { stdout } = await promisify(execFile)(process.execPath, [builtProgram('recorder-child.ts'), when], {
      timeout: 20_000,
    });
    expect(JSON.parse(stdout)).toEqual(RECORDED);
  });
});
