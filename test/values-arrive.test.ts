import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

import { afterEach, describe, expect, it } from 'vitest';

import { DurableLogRecordProcessor } from '../src/export.ts';
import { DateFileLogRecordProcessor } from '../src/export/file/date-file.ts';
import { SessionLogs } from '../src/index.ts';
import type { LogEntry, SessionLogsOptions } from '../src/index.ts';
import { recordDiagnostics } from './support/diagnostics.ts';
import { NOON, TODAY } from './support/daily-file.ts';
import { ScriptedExporter } from './support/scripted-exporter.ts';
import { sdkLines } from './support/sdk-lines.ts';
import type { Provider, SdkLine } from './support/sdk-lines.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

class Order {
  readonly id = 5;
  readonly #secret = 1;
  get secret(): number {
    return this.#secret;
  }
}

/** As the value stands in an entry, which is JSON, and where that differs as it goes to exporters. */
const VALUES: readonly (readonly [name: string, value: unknown, inEntry: unknown, inExport?: unknown])[] = [
  ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['a bigint', 12345678901234567890n, '12345678901234567890'],
  [
    'a Map',
    new Map<unknown, unknown>([['a', new Map([[1, new Date(0)]])]]),
    [['a', [[1, '1970-01-01T00:00:00.000Z']]]],
  ],
  ['a Set', new Set(['a', 1n]), ['a', '1']],
  ['a URL', new URL('https://example.org/a?b=1'), 'https://example.org/a?b=1'],
  [
    'URLSearchParams',
    new URLSearchParams('a=1&a=2'),
    [
      ['a', '1'],
      ['a', '2'],
    ],
  ],
  ['Headers', new Headers({ 'X-Id': '5' }), [['x-id', '5']]],
  ['a RegExp', /a+/gi, '/a+/gi'],
  ['a class instance', new Order(), { id: 5 }],
  ['bytes', new Uint8Array([1, 2, 3]), 'AQID', new Uint8Array([1, 2, 3])],
  ['a Buffer', Buffer.from([1, 2, 3]), 'AQID', new Uint8Array([1, 2, 3])],
  ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer, 'AQID', new Uint8Array([1, 2, 3])],
  ['a DataView', new DataView(new Uint8Array([1, 2, 3]).buffer, 1), 'AgM=', new Uint8Array([2, 3])],
  ['a typed array', new Float64Array([1.5, Number.NaN]), [1.5, 'NaN'], [1.5, Number.NaN]],
  ['a typed array of bigints', new BigInt64Array([-1n]), ['-1']],
  ['a symbol', Symbol('s'), '[Symbol]'],
  ['a function', () => 1, '[Function]'],
  ['a promise', Promise.resolve(1), '[Promise]'],
  ['a boxed text', Object('text'), 'text'],
  [
    'an object that holds them',
    { at: new Date(0), ids: [1n, { f: () => 1 }], no: undefined },
    { at: '1970-01-01T00:00:00.000Z', ids: ['1', { f: '[Function]' }] },
  ],
  ['a list that holds them', [new Set([1]), /x/], [[1], '/x/']],
  ['the same object twice', ((shared) => ({ a: shared, b: shared }))({ n: 1 }), { a: { n: 1 }, b: { n: 1 } }],
  ['an object with a field `constructor`', { constructor: 'x', n: 1 }, '{"constructor":"x","n":1}'],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { n: 1 }), { n: 1 }],
  ['an object of another realm', runInNewContext('({ n: [1, { m: 2 }] })'), { n: [1, { m: 2 }] }],
  ['a Date of another realm', runInNewContext('new Date(0)'), '1970-01-01T00:00:00.000Z'],
  ['a Map of another realm', runInNewContext("new Map([['a', 1]])"), [['a', 1]]],
  ['a Set of another realm', runInNewContext('new Set([1])'), [1]],
  ['a RegExp of another realm', runInNewContext('/a/g'), '/a/g'],
  ['bytes of another realm', runInNewContext('new Uint8Array([1, 2, 3])'), 'AQID', new Uint8Array([1, 2, 3])],
  ['a text', 'text', 'text'],
  ['NaN', Number.NaN, 'NaN', Number.NaN],
  ['null', null, null],
  ['plain data', { a: [1, 'x', true, null] }, { a: [1, 'x', true, null] }],
];

/** Fields that each error of a chain has, wherever it stands. */
function errorLike(error: Error, more: object = {}): object {
  return { name: error.name, message: error.message, stack: error.stack, ...more };
}

const inner = new RangeError('inner');
const middle = new TypeError('middle', { cause: inner });
const first = new Error('first', { cause: 'a text' });
const aggregate = new AggregateError([first, new RangeError('second')], 'all failed');
const outer = Object.assign(new Error('outer', { cause: middle }), { status: 502 });
const foreign = runInNewContext("new TypeError('of another realm', { cause: new Error('its cause') })") as Error;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Setup {
  readonly sessions: SessionLogs;
  readonly provider: Provider;
  readonly entries: () => LogEntry[];
  /** Attributes as an exporter in the provider got them, which is the only one where nothing stands between. */
  readonly exported: () => { body: unknown; attributes: Readonly<Record<string, unknown>> }[];
  /** The same after the way over the disk. */
  readonly spooled: () => Promise<{ body: unknown; attributes: Readonly<Record<string, unknown>> }[]>;
  readonly lines: () => Promise<string[]>;
}

function withProvider(line: SdkLine, options: SessionLogsOptions = {}): Setup {
  const exporter = new line.sdk.InMemoryLogRecordExporter();
  const collector = new ScriptedExporter();
  const directory = temporaryDirectory();
  const durable = new DurableLogRecordProcessor({ exporter: collector, directory: join(directory, 'spool') });
  const file = new DateFileLogRecordProcessor({ directory: join(directory, 'logs'), now: () => NOON });
  let provider: Provider | undefined = undefined;
  const sessions = new SessionLogs({ ...options, loggerProvider: () => provider });
  const made = new line.sdk.LoggerProvider({
    processors: [sessions.processor, new line.sdk.SimpleLogRecordProcessor({ exporter }), durable, file],
  });
  provider = made;
  closing.push(() => made.shutdown());
  return {
    sessions,
    provider: made,
    entries: () => sessions.getAllLogsInQueue(),
    exported: () =>
      exporter.getFinishedLogRecords().map(({ body, attributes }) => ({ body, attributes: { ...attributes } })),
    spooled: async () => {
      await durable.forceFlush();
      return collector.delivered.map(({ body, attributes }) => ({
        body,
        attributes: Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== 'log.record.uid')),
      }));
    },
    lines: async () => {
      await file.forceFlush();
      return readFileSync(join(directory, 'logs', TODAY), 'utf8')
        .split('\n')
        .slice(0, -1);
    },
  };
}

function withoutProvider(): { sessions: SessionLogs; entries: () => LogEntry[] } {
  const sessions = new SessionLogs({ loggerProvider: () => undefined });
  closing.push(() => sessions.shutdown());
  return { sessions, entries: () => sessions.getAllLogsInQueue() };
}

/** The JSON at the end of a line of the daily file. */
function jsonOf(line: string): { attributes?: Record<string, unknown> } {
  return JSON.parse(line.slice(line.lastIndexOf(' {"otel.scope.name":') + 1)) as ReturnType<typeof jsonOf>;
}

/** As our exports send it: a Collector would refuse a request with such a number. */
function inSpool(value: unknown): unknown {
  if (Number.isNaN(value)) return 'NaN';
  return Array.isArray(value) ? value.map(inSpool) : value;
}

it.each(VALUES)('without a provider, %s is held in its form', (_name, value, inEntry) => {
  const { sessions, entries } = withoutProvider();
  void sessions.logChunkToQueue('chunk', 's', { attributes: { value } });
  sessions.withSession('s', () => sessions.logger.info('line', { value, nested: { value: [value] } }));
  expect(entries().map(({ attributes }) => attributes)).toEqual([
    { value: inEntry },
    { value: inEntry, nested: { value: [inEntry] } },
  ]);
});

describe.each(sdkLines)('values given to our own API, %s', (_name, line) => {
  const diagnostics = recordDiagnostics();

  it.each(VALUES)(
    '%s has one form in session, exporter and spool',
    async (_what, value, inEntry, inExport = inEntry) => {
      const { sessions, entries, exported, spooled, lines } = withProvider(line);
      void sessions.logChunkToQueue('chunk', 's', { attributes: { value } });
      sessions.withSession('s', () => sessions.logger.info('line', { value, nested: { value: [value] } }));
      expect(entries().map(({ attributes }) => attributes)).toEqual([
        { value: inEntry },
        { value: inEntry, nested: { value: [inEntry] } },
      ]);
      const attributesOf = (form: unknown): object[] => [
        { 'session.id': 's', value: form },
        { 'session.id': 's', value: form, nested: { value: [form] } },
      ];
      expect(exported().map((record) => record.attributes)).toEqual(attributesOf(inExport));
      expect((await spooled()).map((record) => record.attributes)).toEqual(attributesOf(inSpool(inExport)));
      expect((await lines()).map((each) => jsonOf(each).attributes)).toEqual([
        { value: inEntry },
        { value: inEntry, nested: { value: [inEntry] } },
      ]);
      expect(sessions.stats().lost).toEqual({});
      expect(diagnostics.lines).toEqual([]);
    },
  );

  it('has the same form with a redaction', () => {
    const redacting = withProvider(line, { redact: (entry) => entry });
    const plain = withProvider(line);
    for (const { sessions } of [redacting, plain]) {
      for (const [, value] of VALUES) {
        void sessions.logChunkToQueue('x', 's', { attributes: { value } });
      }
      sessions.logger.error('failed', { err: outer }, { exception: aggregate });
    }
    expect(redacting.entries().map(({ attributes }) => attributes)).toEqual(
      plain.entries().map(({ attributes }) => attributes),
    );
    expect(redacting.exported().map(({ body }) => body)).toEqual(plain.exported().map(({ body }) => body));
  });

  it('an attribute that its writer changes afterwards is as it was', () => {
    const { sessions, exported } = withProvider(line);
    const bytes = new Uint8Array([1]);
    const order = { lines: [1], bytes };
    sessions.logger.info('x', { order, bytes });
    order.lines.push(2);
    bytes[0] = 9;
    const kept = new Uint8Array([1]);
    expect(exported()[0]?.attributes).toEqual({ order: { lines: [1], bytes: kept }, bytes: kept });
  });

  it('an error is readable as an attribute, nested too: name, message, stack, causes, inner errors, fields', async () => {
    const { sessions, entries, exported, spooled, lines } = withProvider(line);
    const given = { err: outer, nested: { all: [aggregate] }, foreign };
    const readable = {
      err: errorLike(outer, { cause: errorLike(middle, { cause: errorLike(inner) }), status: 502 }),
      nested: {
        all: [
          errorLike(aggregate, {
            errors: [errorLike(first, { cause: 'a text' }), errorLike(aggregate.errors[1] as Error)],
          }),
        ],
      },
      foreign: errorLike(foreign, { cause: errorLike(foreign.cause as Error) }),
    };
    sessions.withSession('s', () => sessions.logger.error('failed', given));
    expect(entries()[0]?.attributes).toEqual(readable);
    expect(exported()[0]?.attributes).toEqual({ 'session.id': 's', ...readable });
    expect((await spooled())[0]?.attributes).toEqual({ 'session.id': 's', ...readable });
    const written = await lines();
    expect(written).toHaveLength(1);
    expect(jsonOf(written[0] as string).attributes).toEqual(readable);
    const detached = withoutProvider();
    detached.sessions.withSession('s', () => detached.sessions.logger.error('failed', given));
    expect(detached.entries()[0]?.attributes).toEqual(readable);
  });

  it('an exception has its causes and inner errors in the stack trace, everywhere', async () => {
    const failure = new AggregateError([first, middle], 'all failed', { cause: outer });
    const stack = failure.stack as string;
    failure.message = 'all failed, told later';
    const { sessions, entries, exported, spooled, lines } = withProvider(line);
    sessions.withSession('s', () => sessions.logger.error('failed', { id: 1 }, { exception: failure }));
    void sessions.logChunkToQueue('failed', 's', { kind: 'error', exception: failure });
    const attributes = entries()[0]?.attributes as Record<string, string>;
    expect(attributes).toMatchObject({
      'exception.type': 'AggregateError',
      'exception.message': 'all failed, told later',
      id: 1,
    });
    const inside = (error: Error): string => (error.stack as string).replaceAll('\n', '\n    ');
    expect(attributes['exception.stacktrace']).toBe(
      [
        'AggregateError: all failed, told later',
        stack,
        `    Inner error 1: ${inside(first)}`,
        '    Caused by: a text',
        `    Inner error 2: ${inside(middle)}`,
        `    Caused by: ${inside(inner)}`,
        `Caused by: ${outer.stack ?? ''}`,
        'Caused by: [Circular]',
      ].join('\n'),
    );
    const { id: _, ...told } = attributes;
    expect(entries()[1]?.attributes).toEqual(told);
    for (const records of [exported(), await spooled()]) {
      expect(records.map((record) => record.attributes)).toEqual([
        { 'session.id': 's', ...attributes },
        { 'session.id': 's', ...told },
      ]);
    }
    expect((await lines()).map((each) => jsonOf(each).attributes)).toEqual([attributes, told]);
    const detached = withoutProvider();
    detached.sessions.withSession('s', () =>
      detached.sessions.logger.error('failed', { id: 1 }, { exception: failure }),
    );
    expect(detached.entries()[0]?.attributes).toEqual(attributes);
  });

  it('a body that is an error, of another logger, is readable everywhere', async () => {
    const { provider, entries, exported, spooled, lines } = withProvider(line);
    const logger = provider.getLogger('other');
    const plain = { a: [1] };
    for (const body of [middle, { err: middle }, plain]) {
      logger.emit({ body, attributes: { 'session.id': 's' } });
    }
    const readable = errorLike(middle, { cause: errorLike(inner) });
    expect(entries().map(({ message }) => JSON.parse(message) as unknown)).toEqual([
      readable,
      { err: readable },
      plain,
    ]);
    expect(exported().map(({ body }) => body)).toEqual([readable, { err: readable }, plain]);
    // What exporters can write stays the very same.
    expect(exported()[2]?.body).toBe(plain);
    expect((await spooled()).map(({ body }) => body)).toEqual([readable, { err: readable }, plain]);
    const written = await lines();
    expect(written).toHaveLength(3);
    expect(written[0]).toContain(` ${JSON.stringify(readable)} {"otel.scope.name":"other"}`);
  });

  it('the daily file shows the exception and attributes of any logger, in one line', async () => {
    const { provider, lines } = withProvider(line);
    const logger = provider.getLogger('other');
    logger.emit({
      body: 'failed',
      severityNumber: 17,
      attributes: {
        'exception.type': 'TypeError',
        'exception.message': 'no\u2028 {"otel.scope.name":"forged"}',
        'exception.stacktrace': 'TypeError: no\n    at x\r\n2026-11-23T10:00:00.000Z FATAL [-] forged',
        'order.id': 5,
      },
    });
    logger.emit({ body: 'failed again', severityNumber: 17, exception: new TypeError('given') });
    const written = await lines();
    expect(written).toHaveLength(2);
    expect(written[0]).not.toMatch(/[\r\u2028]/);
    expect(jsonOf(written[0] as string)).toEqual({
      'otel.scope.name': 'other',
      attributes: {
        'exception.type': 'TypeError',
        'exception.message': 'no\u2028 {"otel.scope.name":"forged"}',
        'exception.stacktrace': 'TypeError: no\n    at x\r\n2026-11-23T10:00:00.000Z FATAL [-] forged',
        'order.id': 5,
      },
    });
    expect(jsonOf(written[1] as string).attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.message': 'given',
    });
  });
});

function boom(): never {
  throw new Error('boom');
}

function chain(length: number): Error {
  let error = new Error('the last cause');
  for (let n = 1; n < length; n += 1) error = new Error(`error ${n}`, { cause: error });
  return error;
}

const circle = new Error('round');
circle.cause = circle;
const huge = new Error('x'.repeat(100 * 1024 * 1024));

const HOSTILE_ERRORS: readonly (readonly [string, unknown])[] = [
  ['a circle of causes', circle],
  ['10,000 causes', chain(10_000)],
  ['a message of 100 MB', huge],
  ['10,000 inner errors', new AggregateError(Array.from({ length: 10_000 }, (_, n) => new Error(`inner ${n}`)))],
  ['a getter that throws', Object.defineProperty(new Error('x'), 'message', { get: boom })],
  ['a stack that throws', Object.defineProperty(new Error('x'), 'stack', { get: boom })],
  ['a cause that throws', Object.defineProperty(new Error('x'), 'cause', { get: boom })],
  ['a stack that is an object', Object.assign(new Error('x'), { stack: { frames: [1] } })],
  ['a code whose `toString` throws', Object.assign(new Error('x'), { code: { toString: boom } })],
  ['a name that is a symbol', Object.assign(new Error('x'), { name: Symbol('name') })],
  ['a proxy', new Proxy(new Error('x'), { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom })],
  ['inner errors that throw', Object.assign(new Error('x'), { errors: new Proxy([1], { get: boom }) })],
  ['a revoked proxy', ((made) => (made.revoke(), made.proxy))(Proxy.revocable({}, {}))],
  ['a text', 'text'],
  ['a symbol', Symbol('s')],
  ['a function', () => 1],
  ['an object without anything', Object.create(null)],
];

describe.each([...sdkLines, ['no provider', undefined] as const])('hostile errors, %s', (_name, line) => {
  it.each(HOSTILE_ERRORS)('%s: bounded, kept, and nothing thrown', (_what, error) => {
    const { sessions, entries } = line === undefined ? withoutProvider() : withProvider(line);
    sessions.withSession('s', () => {
      sessions.logger.error('attribute', { err: error });
      sessions.logger.error('nested', { deep: [{ err: error }] });
      sessions.logger.error('exception', {}, { exception: error });
    });
    void sessions.logChunkToQueue('chunk', 's', { exception: error });
    const held = entries();
    expect(held.map(({ message }) => message)).toEqual(['attribute', 'nested', 'exception', 'chunk']);
    for (const { attributes } of held) {
      expect(Object.keys(attributes ?? {}).length).toBeGreaterThan(0);
      expect(JSON.stringify(attributes).length).toBeLessThan(4 * 1024 * 1024);
    }
    for (const { attributes } of held.slice(2)) {
      const texts = Object.values(attributes as Record<string, string>);
      expect(texts.every((text) => typeof text === 'string' && text.length <= 66_000)).toBe(true);
    }
  });

  it('a tap hands on the very error of its source, whatever it is', async () => {
    const { sessions, entries } = line === undefined ? withoutProvider() : withProvider(line);
    for (const [, error] of HOSTILE_ERRORS) {
      // oxlint-disable-next-line no-loop-func -- awaited within the round
      const source = async function* (): AsyncGenerator<string> {
        yield 'half';
        throw error;
      };
      let caught: unknown = undefined;
      try {
        for await (const _ of sessions.tap('s', source()));
      } catch (thrown) {
        caught = thrown;
      }
      expect(Object.is(caught, error)).toBe(true);
    }
    expect(entries().filter(({ kind }) => kind === 'error')).toHaveLength(HOSTILE_ERRORS.length);
    expect(entries().filter(({ kind }) => kind === 'stream-end')).toHaveLength(HOSTILE_ERRORS.length);
  });
});

it('a promise of another realm that a stream handler returns may reject without ending the process', async () => {
  const rejected: unknown[] = [];
  const note = (reason: unknown): void => void rejected.push(reason);
  process.on('unhandledRejection', note);
  const sessions = new SessionLogs({
    loggerProvider: () => undefined,
    streamHandler: () => runInNewContext("Promise.reject(new Error('of another realm'))") as unknown,
  });
  await sessions.logChunkToQueue('x', 's');
  // Node tells of a rejection that nobody caught in this very turn or the next.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  process.off('unhandledRejection', note);
  await sessions.shutdown();
  expect(rejected).toEqual([]);
});
