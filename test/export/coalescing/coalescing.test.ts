import { createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../../src/export/coalescing/coalescing.ts';
import type { CoalescingOptions } from '../../../src/export/coalescing/coalescing.ts';
import type { LogRecord, LogRecordProcessor } from '../../../src/otel/log-record.ts';
import type { EmittedLogRecord, OtelLogger } from '../../../src/otel/logs-api.ts';
import { runs } from '../../support/properties.ts';

/** An inner processor that keeps what it gets. */
class Recorder implements LogRecordProcessor {
  readonly records: LogRecord[] = [];
  readonly contexts: unknown[] = [];
  flushes = 0;
  shutdowns = 0;

  onEmit(record: LogRecord, context?: unknown): void {
    this.records.push(record);
    this.contexts.push(context);
  }
  async forceFlush(): Promise<void> {
    this.flushes += 1;
  }
  async shutdown(): Promise<void> {
    this.shutdowns += 1;
  }
  get texts(): unknown[] {
    return this.records.filter((record) => record.eventName === undefined).map((record) => record.body);
  }
}

interface Rig {
  readonly inner: Recorder;
  readonly coalescing: CoalescingLogRecordProcessor;
  readonly provider: LoggerProvider;
  readonly emit: (record: EmittedLogRecord) => void;
  readonly chunk: (text: string, streamId?: string, sessionId?: string) => void;
  readonly mark: (kind: string, attributes?: Record<string, unknown>, streamId?: string) => void;
}

const open: CoalescingLogRecordProcessor[] = [];

function rig(options: CoalescingOptions = {}): Rig {
  const inner = new Recorder();
  const coalescing = new CoalescingLogRecordProcessor({ processor: inner, ...options });
  open.push(coalescing);
  const provider = new LoggerProvider({ processors: [coalescing] });
  const logger: OtelLogger = provider.getLogger('chat');
  const attributesOf = (sessionId: string, streamId: string | undefined): Record<string, string> => ({
    'session.id': sessionId,
    ...(streamId === undefined ? {} : { 'session_logs.stream_id': streamId }),
  });
  const emit = (record: EmittedLogRecord): void => logger.emit(record);
  return {
    inner,
    coalescing,
    provider,
    emit,
    chunk: (text, streamId, sessionId = 's') => emit({ body: text, attributes: attributesOf(sessionId, streamId) }),
    mark: (kind, attributes = {}, streamId) =>
      emit({
        eventName: `session_logs.${kind}`,
        body: '',
        attributes: { ...attributesOf('s', streamId), ...attributes },
      }),
  };
}

afterEach(async () => {
  vi.useRealTimers();
  await Promise.allSettled(open.splice(0).map((processor) => processor.shutdown()));
});

describe('an answer', () => {
  it('whose end says what was said gives no record of its own; one that says more does', () => {
    const { inner, emit, mark } = rig();
    const attributes = { model: 'm', tags: ['a', 'b'] };
    mark('stream_start', attributes);
    emit({ body: 'half', attributes: { 'session.id': 's', ...attributes } });
    mark('error', attributes);
    mark('stream_end', { ...attributes, 'gen_ai.response.finish_reasons': ['error'] });
    expect(inner.records.map(({ eventName, body }) => eventName ?? body)).toEqual(['half', 'session_logs.error']);
    mark('stream_start', attributes);
    emit({ body: 'whole', attributes: { 'session.id': 's', ...attributes } });
    mark('tool_call_start', attributes);
    mark('stream_end', { ...attributes, 'gen_ai.usage.input_tokens': 3 });
    expect(inner.records.at(-1)?.attributes).toMatchObject({ ...attributes, 'gen_ai.usage.input_tokens': 3 });
    expect(inner.records).toHaveLength(5);
  });

  it('of 500 tokens is one record with count, first and last time, time to first chunk and finish reasons', () => {
    const { inner, emit, mark } = rig();
    emit({
      eventName: 'session_logs.stream_start',
      timestamp: [100, 0],
      attributes: { 'session.id': 's', 'gen_ai.request.model': 'm' },
    });
    for (let i = 0; i < 500; i += 1) {
      emit({
        body: `t${i} `,
        timestamp: [101, 250_000_000 + i],
        attributes: { 'session.id': 's' },
      });
    }
    expect(inner.records).toEqual([]);
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['stop'], 'gen_ai.usage.output_tokens': 500 });

    expect(inner.records).toHaveLength(1);
    const [record] = inner.records;
    expect(record?.body).toBe(Array.from({ length: 500 }, (_, i) => `t${i} `).join(''));
    expect(record?.hrTime).toEqual([101, 250_000_000]);
    expect(record?.eventName).toBeUndefined();
    expect(record?.attributes).toEqual({
      'session.id': 's',
      'session_logs.chunk_count': 500,
      'gen_ai.request.model': 'm',
      'gen_ai.request.stream': true,
      'gen_ai.response.time_to_first_chunk': 1.25,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.output_tokens': 500,
    });
  });

  it('without marks is one record by session, of which nothing is claimed that is not known', async () => {
    const { inner, chunk, provider } = rig();
    chunk('Hel');
    chunk('lo');
    await provider.forceFlush();
    expect(inner.texts).toEqual(['Hello']);
    expect(inner.records[0]?.attributes).toEqual({ 'session.id': 's', 'session_logs.chunk_count': 2 });
  });

  it('keeps resource and scope by reference, the span of its first chunk and the observed time of its last', async () => {
    const { inner, emit, provider } = rig();
    const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
    const key = createContextKey('mine');
    const context = trace.setSpanContext(ROOT_CONTEXT, spanContext).setValue(key, 'first');
    emit({ body: 'a', attributes: { 'session.id': 's' }, context });
    emit({ body: 'b', attributes: { 'session.id': 's' }, observedTimestamp: [7, 9] } as EmittedLogRecord);
    await provider.forceFlush();
    emit({ body: 'plain', severityNumber: 9 });
    const [merged, plain] = inner.records;
    expect(merged?.resource).toBe(plain?.resource);
    expect(merged?.instrumentationScope).toBe(plain?.instrumentationScope);
    expect(merged?.spanContext).toEqual(spanContext);
    expect(merged?.hrTimeObserved).toEqual([7, 9]);
    expect((inner.contexts[0] as typeof context).getValue(key)).toBe('first');
  });

  it('is not merged over different scopes', async () => {
    const { inner, chunk, provider } = rig();
    const other = provider.getLogger('other');
    chunk('a');
    other.emit({ body: 'b', attributes: { 'session.id': 's' } });
    chunk('c');
    await provider.forceFlush();
    expect(inner.texts).toEqual(['a', 'b', 'c']);
    expect(inner.records.map((record) => record.instrumentationScope.name)).toEqual(['chat', 'other', 'chat']);
  });

  it('takes the attributes of its chunks, the later value of a key, and counts what found no room', async () => {
    const { inner, emit, provider } = rig();
    emit({ body: 'a', attributes: { 'session.id': 's', model: 'm', i: 0 } });
    emit({ body: 'b', attributes: { 'session.id': 's', i: 1, ['__proto__']: 'own' } });
    for (let i = 0; i < 200; i += 1) emit({ body: '.', attributes: { 'session.id': 's', [`k${i}`]: i } });
    await provider.forceFlush();
    const { attributes, droppedAttributesCount } = inner.records[0] as LogRecord;
    expect(attributes).toMatchObject({ model: 'm', i: 1, 'session_logs.chunk_count': 202, 'session.id': 's' });
    expect(Object.keys(attributes).length).toBe(130);
    expect(droppedAttributesCount).toBe(200 - 126);
  });

  it('with no text at all is told with the reason and a count of 0', () => {
    const { inner, mark } = rig();
    mark('stream_start');
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['content_filter'] });
    expect(inner.records).toHaveLength(1);
    expect(inner.records[0]?.body).toBe('');
    expect(inner.records[0]?.attributes).toMatchObject({
      'session_logs.chunk_count': 0,
      'gen_ai.response.finish_reasons': ['content_filter'],
    });
  });
});

describe('what stays apart', () => {
  it('answers side by side, sessions, and ids that look like one another', async () => {
    const { inner, chunk, provider } = rig();
    chunk('1', 'a', 's');
    chunk('2', 'b', 's');
    chunk('3', undefined, 's');
    chunk('4', 'a', 's');
    chunk('5', '', 's');
    chunk('6', undefined, '__proto__');
    chunk('7', '__proto__', 's');
    await provider.forceFlush();
    expect(new Set(inner.texts)).toEqual(new Set(['14', '2', '3', '5', '6', '7']));
  });

  it('reasoning and tool calls: their marks go on as they are, between the texts they separate', () => {
    const { inner, chunk, mark } = rig();
    mark('stream_start');
    mark('reasoning_start');
    chunk('let me ');
    chunk('think');
    mark('reasoning_stop');
    mark('tool_call_start');
    chunk('{"q":1}');
    mark('tool_call_end');
    mark('stream_start'); // after a tool call the open answer goes on
    chunk('It is ');
    chunk('42.');
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['stop'] });
    expect(inner.records.map((record) => record.eventName ?? record.body)).toEqual([
      'session_logs.reasoning_start',
      'let me think',
      'session_logs.reasoning_stop',
      'session_logs.tool_call_start',
      '{"q":1}',
      'session_logs.tool_call_end',
      'It is 42.',
    ]);
    const reasons = inner.records.map((record) => record.attributes['gen_ai.response.finish_reasons']);
    expect(reasons.filter((reason) => reason !== undefined)).toEqual([['stop']]);
    const firsts = inner.records.filter((record) => 'gen_ai.response.time_to_first_chunk' in record.attributes);
    expect(firsts.map((record) => record.body)).toEqual(['let me think']);
  });

  it.each<[string, { eventName?: string; body: unknown }]>([
    ['an error', { eventName: 'session_logs.error', body: 'no answer' }],
    ['a value that is no text', { body: { rows: 3 } }],
    ['text', { body: 'text' }],
    ['a mark', { eventName: 'session_logs.reasoning_stop', body: '' }],
  ])('after a tool call and %s a start takes the place of the open answer', (_, record) => {
    const { inner, chunk, emit, mark } = rig();
    mark('stream_start');
    chunk('a');
    mark('tool_call_end');
    emit({ ...record, attributes: { 'session.id': 's' } } as EmittedLogRecord);
    mark('stream_start');
    chunk('b');
    mark('stream_end');
    const firsts = inner.records.filter((record) => 'gen_ai.response.time_to_first_chunk' in record.attributes);
    expect(firsts.map((record) => record.body)).toEqual(['a', 'b']);
  });

  it('log records, events of others, records without a session and values that are no text', async () => {
    const { inner, chunk, emit, provider } = rig();
    chunk('a');
    emit({ body: 'pino line', severityNumber: 9, attributes: { 'session.id': 's' } });
    emit({ body: 'typed', attributes: { 'session.id': 's', 'session_logs.log_type': 'log' } });
    emit({ body: 'event', eventName: 'gen_ai.client.inference', attributes: { 'session.id': 's' } });
    emit({ body: 'no session' });
    emit({ body: 'bad session', attributes: { 'session.id': 'x'.repeat(257) } });
    chunk('b');
    expect(inner.records.map((record) => record.body)).toEqual([
      'pino line',
      'typed',
      'event',
      'no session',
      'bad session',
    ]);
    emit({ body: { is: 'a map' }, attributes: { 'session.id': 's' } } as unknown as EmittedLogRecord);
    await provider.forceFlush();
    expect(inner.records.slice(5).map((record) => record.body)).toEqual(['ab', { is: 'a map' }]);
  });

  it('chat text with a severity is merged when its log type says chat', async () => {
    const { inner, emit, provider } = rig();
    for (const body of ['a', 'b']) {
      emit({ body, severityNumber: 9, attributes: { 'session.id': 's', 'session_logs.log_type': 'chat' } });
    }
    await provider.forceFlush();
    expect(inner.records).toMatchObject([{ body: 'ab', severityNumber: 9 }]);
  });
});

describe('an answer that breaks off', () => {
  const reasonsOf = (inner: Recorder): unknown[] =>
    inner.records.map((record) => [
      record.eventName ?? record.body,
      record.attributes['gen_ai.response.finish_reasons'],
    ]);

  it('is passed on at the error, with that reason once', () => {
    const { inner, chunk, mark } = rig();
    mark('stream_start', {}, 'x');
    chunk('half', 'x');
    mark('error', { 'exception.message': 'boom' }, 'x');
    expect(reasonsOf(inner)).toEqual([
      ['half', ['error']],
      ['session_logs.error', undefined],
    ]);
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['error'] }, 'x');
    expect(inner.records).toHaveLength(2);
  });

  it('before its first token is told once', () => {
    const { inner, mark } = rig();
    mark('stream_start');
    mark('error');
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['error'] });
    expect(reasonsOf(inner)).toEqual([
      ['session_logs.error', undefined],
      ['', ['error']],
    ]);
  });

  it('by its consumer is passed on as aborted, also when nothing is held any more', async () => {
    const { inner, chunk, mark, provider } = rig();
    mark('stream_start');
    chunk('half');
    await provider.forceFlush();
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['aborted'] });
    expect(reasonsOf(inner)).toEqual([
      ['half', undefined],
      ['', ['aborted']],
    ]);
  });

  it('by the next start is passed on as abandoned, and only answers without an id are', () => {
    const { inner, chunk, mark } = rig();
    mark('stream_start');
    chunk('old');
    mark('stream_start', {}, 'side');
    chunk('side', 'side');
    mark('stream_start');
    expect(reasonsOf(inner)).toEqual([['old', ['abandoned']]]);
    chunk('new');
    mark('stream_end');
    mark('stream_end', {}, 'side');
    expect(reasonsOf(inner).slice(1)).toEqual([
      ['new', undefined],
      ['side', undefined],
    ]);
  });

  it('text before a start is no part of the answer', () => {
    const { inner, chunk, mark } = rig();
    chunk('question');
    mark('stream_start');
    chunk('answer');
    mark('stream_end');
    expect(reasonsOf(inner)).toEqual([
      ['question', undefined],
      ['answer', undefined],
    ]);
  });

  it('an end without anything to tell is no record', () => {
    const { inner, mark } = rig();
    mark('stream_end');
    expect(inner.records).toEqual([]);
    mark('stream_end', { 'gen_ai.usage.output_tokens': 3 });
    expect(inner.records).toHaveLength(1);
  });
});

describe('cuts', () => {
  it('by maxChars, at chunk borders where they serve, else between code points', async () => {
    const { inner, chunk, provider } = rig({ maxChars: 5 });
    chunk('abc');
    chunk('def');
    chunk('0123456789xy');
    chunk('1234😀');
    await provider.forceFlush();
    expect(inner.texts).toEqual(['abc', 'def', '01234', '56789', 'xy', '1234', '😀']);
    const counts = inner.records.map((record) => record.attributes['session_logs.chunk_count']);
    expect(counts).toEqual([1, 1, 1, 0, 0, 1, 0]);
  });

  it('never within a surrogate pair, also when the flush comes between its halves', async () => {
    const { inner, chunk, provider, mark } = rig();
    chunk('a\ud83d');
    await provider.forceFlush();
    expect(inner.texts).toEqual(['a']);
    chunk('\ude00b');
    await provider.forceFlush();
    expect(inner.texts).toEqual(['a', '😀b']);
    chunk('\ud83d');
    mark('stream_end');
    expect(inner.texts).toEqual(['a', '😀b', '\ud83d']);
  });

  it('by time: nothing is held longer than maxDelayMillis, counted from the first chunk held', async () => {
    vi.useFakeTimers();
    const { inner, chunk } = rig({ maxDelayMillis: 1000 });
    chunk('a', undefined, 'one');
    await vi.advanceTimersByTimeAsync(600);
    chunk('b', undefined, 'one');
    chunk('c', undefined, 'two');
    await vi.advanceTimersByTimeAsync(500);
    expect(inner.texts).toEqual(['ab']);
    await vi.advanceTimersByTimeAsync(600);
    expect(inner.texts).toEqual(['ab', 'c']);
    chunk('\ud83d');
    await vi.advanceTimersByTimeAsync(1100);
    expect(inner.texts.slice(2)).toEqual(['\ud83d']);
  });

  it('a law: bodies joined are the chunks joined, no body splits a pair, counts add up', async () => {
    const text = fc.array(fc.constantFrom('a', 'é', '漢', '😀', '👩‍👩‍👧', '\r\n', '\n', '\r', '</end>', '\u0000'), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.infiniteStream(fc.nat({ max: 6 })),
        fc.infiniteStream(fc.nat({ max: 9 })),
        fc.integer({ min: 1, max: 40 }),
        async (parts, sizes, events, maxChars) => {
          const whole = parts.join('');
          const { inner, chunk, provider, coalescing } = rig({ maxChars });
          let chunks = 0;
          for (let at = 0; at < whole.length; chunks += 1) {
            const size = sizes.next().value; // in UTF-16 units: also 0, within emoji and between CR and LF
            chunk(whole.slice(at, at + size));
            at += size;
            if (events.next().value === 0) await provider.forceFlush();
          }
          await coalescing.shutdown();
          const bodies = inner.records.map((record) => String(record.body));
          expect(bodies.join('')).toBe(whole);
          for (const body of bodies) {
            expect(/\p{Surrogate}/u.test(body)).toBe(false);
            expect(Array.from(body).length === 1 || body.length <= maxChars).toBe(true);
          }
          const counts = inner.records.map((record) => Number(record.attributes['session_logs.chunk_count']));
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(chunks);
          expect(coalescing.stats()).toEqual({ answers: 0, heldChars: 0, lost: {} });
        },
      ),
      runs(300),
    );
  });

  it('a law: answers that interleave each keep their own text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(undefined, 'a', 'b'), fc.constantFrom('s', 't'), fc.string()), {
          maxLength: 80,
        }),
        async (writes) => {
          const { inner, chunk, coalescing } = rig({ maxChars: 50 });
          const expected = new Map<string, string>();
          for (const [streamId, sessionId, text] of writes) {
            chunk(text, streamId, sessionId);
            const key = JSON.stringify([sessionId, streamId]);
            expected.set(key, (expected.get(key) ?? '') + text);
          }
          await coalescing.shutdown();
          const seen = new Map<string, string>();
          for (const { body, attributes } of inner.records) {
            const key = JSON.stringify([attributes['session.id'], attributes['session_logs.stream_id']]);
            seen.set(key, (seen.get(key) ?? '') + String(body));
          }
          expect(seen).toEqual(expected);
        },
      ),
      runs(100),
    );
  });
});

describe("content: 'omit'", () => {
  it('passes on counts and times without the text, whatever the body is', () => {
    const { inner, chunk, mark, emit } = rig({ content: 'omit', maxChars: 3 });
    mark('stream_start');
    chunk('secret secret');
    emit({ body: { secret: 1 }, attributes: { 'session.id': 's' } } as unknown as EmittedLogRecord);
    mark('stream_end', { 'gen_ai.response.finish_reasons': ['stop'] });
    expect(inner.records).toHaveLength(1);
    expect(inner.records[0]?.body).toBeUndefined();
    expect(inner.records[0]?.attributes).toMatchObject({
      'session_logs.chunk_count': 2,
      'gen_ai.response.finish_reasons': ['stop'],
    });
    expect(JSON.stringify(inner.records[0]?.attributes)).not.toContain('secret');
  });
});

describe('bounds', () => {
  it('of answers: the 10,001st passes the oldest on', () => {
    const { inner, chunk, coalescing } = rig();
    for (let i = 0; i <= 10_000; i += 1) chunk(`text ${i}`, undefined, `s${i}`);
    expect(inner.texts).toEqual(['text 0']);
    expect(coalescing.stats().answers).toBe(10_000);
  });

  it('of answers that start and never end', () => {
    const { emit, coalescing } = rig();
    for (let i = 0; i < 20_000; i += 1) {
      emit({ eventName: 'session_logs.stream_start', attributes: { 'session.id': `s${i}` } });
    }
    expect(coalescing.stats().answers).toBe(10_000);
  });

  it('of characters over all answers: the oldest goes first', () => {
    const { inner, chunk, coalescing } = rig({ maxChars: 33_554_432 });
    chunk('a'.repeat(20_000_000), undefined, 'one');
    chunk('b'.repeat(10_000_000), undefined, 'two');
    expect(inner.records).toHaveLength(0);
    chunk('c'.repeat(10_000_000), undefined, 'three');
    expect(inner.records.map((record) => record.attributes['session.id'])).toEqual(['one']);
    expect(coalescing.stats().heldChars).toBe(20_000_000);
  });

  it.each([
    [{ maxChars: 0 }, /maxChars.*got 0 \(number\)/],
    [{ maxDelayMillis: -1 }, /maxDelayMillis.*got -1/],
    [{ content: 'some' }, /content.*got "some"/],
    [{ processor: {} }, /processor.*onEmit/],
    [{ maxChar: 1 }, /unknown option `maxChar`/],
  ])('options are checked: %j', (wrong, message) => {
    const options = { processor: new Recorder(), ...wrong } as never;
    expect(() => new CoalescingLogRecordProcessor(options)).toThrow(message);
    expect(() => new CoalescingLogRecordProcessor(options)).toThrow(TypeError);
  });
});
