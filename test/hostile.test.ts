import * as fc from 'fast-check';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';

import { logEntrySchema, MemorySessionStore, SessionLogs } from '../src/index.ts';
import { recordDiagnostics } from './support/diagnostics.ts';
import { runs } from './support/properties.ts';
import { sdkLines } from './support/sdk-lines.ts';
import type { SdkLine } from './support/sdk-lines.ts';

const cyclic: Record<string, unknown> = { name: 'cyclic' };
cyclic['self'] = cyclic;

function boom(): never {
  throw new Error('boom');
}

const HOSTILE: readonly unknown[] = [
  cyclic,
  [cyclic, [cyclic]],
  {
    get broken(): string {
      return boom();
    },
    fine: 1,
  },
  { toJSON: boom },
  new Proxy({}, { ownKeys: boom, get: boom, getPrototypeOf: boom, has: boom }),
  new Proxy([], { get: boom }),
  12345678901234567890n,
  { big: 1n, nested: { big: -1n } },
  new Date(Number.NaN),
  new Date(0),
  () => 1,
  Symbol('s'),
  { symbol: Symbol('s'), fn: () => 1 },
  Number.NaN,
  -Infinity,
  'x'.repeat(1_000_000),
  '\ud800',
  { '\udfff': '\ud800' },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":"x"}'),
  Object.create(null),
  new Map([['a', new Map()]]),
  new Uint8Array(16),
  new Error('as a value'),
  null,
  '',
];

const setups: readonly (readonly [string, SdkLine | undefined])[] = [...sdkLines, ['without a provider', undefined]];

describe.each(setups)('hostile input, %s', (_name, line) => {
  const open: SessionLogs[] = [];
  const diagnostics = recordDiagnostics();

  type Options = ConstructorParameters<typeof SessionLogs>[0];
  type Provider = InstanceType<SdkLine['sdk']['LoggerProvider']>;

  function start(options: Options = {}): { sessions: SessionLogs; provider: Provider | undefined } {
    let provider: Provider | undefined;
    const sessions = new SessionLogs({ ...options, loggerProvider: () => provider });
    if (line !== undefined) provider = new line.sdk.LoggerProvider({ processors: [sessions.processor] });
    open.push(sessions);
    return { sessions, provider };
  }

  afterEach(async () => {
    await Promise.all(open.splice(0).map((sessions) => sessions.shutdown()));
  });

  it('no attribute comes out of a call as an error, and each entry is there and JSON-safe', () => {
    const { sessions } = start({ store: new MemorySessionStore({ maxBytesPerSession: 1e9, maxBytes: 1e9 }) });
    let count = 0;
    for (const value of HOSTILE) {
      for (const key of ['plain', '__proto__', 'constructor', 'session_logs.kind', '']) {
        const attributes = JSON.parse('{}') as Record<string, unknown>;
        Object.defineProperty(attributes, key, { value, enumerable: true });
        void sessions.logChunkToQueue(`chunk ${count}`, 's', { attributes });
        sessions.withSession('s', () => sessions.logger.info(`line ${count}`, attributes));
        count += 1;
      }
    }
    const entries = sessions.getAllLogsInQueue();
    expect(entries.map((entry) => entry.message)).toEqual(
      Array.from({ length: count }, (_, n) => [`chunk ${n}`, `line ${n}`]).flat(),
    );
    for (const entry of entries) expect(logEntrySchema.parse(JSON.parse(JSON.stringify(entry)))).toEqual(entry);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('attributes whose getters or traps throw, and exceptions that do, cost themselves only', () => {
    const { sessions } = start();
    const broken = {
      get bad(): string {
        return boom();
      },
      good: 'kept',
    };
    const unlistable = new Proxy({ a: 1 }, { ownKeys: boom });
    const exception = new Error('x');
    Object.defineProperty(exception, 'stack', { get: boom });
    Object.defineProperty(exception, 'name', { get: boom });
    expect(() => {
      sessions.withSession('s', () => {
        sessions.logger.info('1', broken);
        sessions.logger.info('2', unlistable);
        sessions.logger.error('3', {}, { exception });
      });
      void sessions.logChunkToQueue('4', 's', { attributes: broken });
      void sessions.logChunkToQueue('5', 's', { attributes: unlistable });
    }).not.toThrow();
    expect(sessions.getAllLogsInQueue().map((entry) => entry.message)).toEqual(['1', '2', '3', '4', '5']);
    const kept = sessions.getAllLogsInQueue().filter((entry) => entry.attributes?.['good'] === 'kept');
    expect(kept.map((entry) => entry.message)).toEqual(['1', '4']);
  });

  it.skipIf(line === undefined)('no body throws out of emit, and each is one entry', () => {
    const { sessions, provider } = start();
    const logger = provider?.getLogger('app');
    for (const body of HOSTILE) logger?.emit({ body, attributes: { 'session.id': 's' } });
    const entries = sessions.getAllLogsInQueue();
    expect(entries).toHaveLength(HOSTILE.length);
    for (const entry of entries) expect(logEntrySchema.parse(JSON.parse(JSON.stringify(entry)))).toEqual(entry);
  });

  it.skipIf(line === undefined)('odd severities, event names, times and log types still make JSON-safe entries', () => {
    const { sessions, provider } = start();
    const logger = provider?.getLogger('app');
    const odd = [Number.NaN, Infinity, 'INFO', null, {}, 1.5];
    let count = 0;
    for (const value of odd) {
      for (const field of ['severityNumber', 'severityText', 'eventName']) {
        logger?.emit({ body: 'x', attributes: { 'session.id': 's' }, [field]: value as never });
        count += 1;
      }
      for (const key of ['session_logs.log_type', 'session_logs.stream_id']) {
        logger?.emit({ body: 'x', attributes: { 'session.id': 's', [key]: value } });
        count += 1;
      }
    }
    const times: unknown[] = [[1.0004, 0], [1, 1e9], [Number.NaN, 0], [1e12, 0], new Date(-1)];
    for (const timestamp of times) {
      logger?.emit({ body: 'x', attributes: { 'session.id': 's' }, timestamp: timestamp as never });
      count += 1;
    }
    expect(sessions.stats().lost).toEqual({});
    expect(diagnostics.lines).toEqual([]);
    const entries = sessions.getAllLogsInQueue();
    expect(entries).toHaveLength(count);
    for (const entry of entries) expect(logEntrySchema.parse(JSON.parse(JSON.stringify(entry)))).toEqual(entry);
  });

  it('a redaction that throws, answers nonsense or is async stores nothing and counts it', async () => {
    const answers: (() => unknown)[] = [
      boom,
      () => null,
      () => 7,
      () => 'text',
      () => ({}),
      () => ({ message: 7 }),
      () => ({ message: 'ok', attributes: 'no' }),
      // oxlint-disable-next-line typescript/require-await -- what a careless application does
      async () => boom(),
      () => Promise.resolve({ message: 'late' }),
    ];
    for (const answer of answers) {
      const { sessions } = start({ redact: answer as never });
      await sessions.logChunkToQueue('secret', 's', { attributes: { key: 'secret' } });
      sessions.withSession('s', () => sessions.logger.info('secret'));
      expect(sessions.getAllLogsInQueue()).toEqual([]);
      expect(sessions.stats().lost['redaction_failed']).toBe(2);
    }
    // A rejection that nobody handles fails the run.
    await nextTurn();
    expect(diagnostics.lines.join('\n')).not.toContain('secret');
  });

  it('callbacks of the application that are async and reject do not end the process', async () => {
    // oxlint-disable-next-line typescript/require-await -- what a careless application does
    const rejects = async (): Promise<never> => boom();
    const { sessions } = start({ sessionId: rejects, streamHandler: rejects });
    await sessions.logChunkToQueue('x', 's');
    sessions.logger.info('without a session');
    // oxlint-disable-next-line typescript/no-misused-promises -- what a careless application does
    const reader = sessions.followSession('s', { from: { after: 'nonsense' }, onGap: rejects });
    expect((await reader.next()).value?.message).toBe('x');
    await reader.return();
    await nextTurn();
    await nextTurn();
    expect(sessions.stats().entries).toBe(1);
  });

  it('a provider or processor of the application that throws is not the caller’s trouble', async () => {
    const failing = new SessionLogs({ loggerProvider: boom });
    open.push(failing);
    expect(() => failing.logChunkToQueue('x', 's')).not.toThrow();
    expect(() => failing.logger.info('x')).not.toThrow();
    const refusing = new SessionLogs({ loggerProvider: { getLogger: boom } });
    open.push(refusing);
    await refusing.logChunkToQueue('x', 's');
    for (const sessions of [failing, refusing]) expect(sessions.allSessionsInQueue).toEqual(['s']);
  });

  it('any text survives as it is, in every session id', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }), fc.string({ unit: 'binary' }))),
        async (chunks) => {
          const { sessions } = start();
          const valid = chunks.filter(([id]) => id.length <= 256);
          for (const [id, text] of valid) await sessions.logChunkToQueue(text, id, { kind: 'text' });
          for (const id of new Set(valid.map(([each]) => each))) {
            const seen: string[] = [];
            for await (const text of sessions.getSessionLogs(id, { until: 'caught-up' })) seen.push(text);
            expect(seen).toEqual(valid.filter(([each]) => each === id).map(([, text]) => text));
          }
          expect(sessions.stats().readers).toBe(0);
        },
      ),
      runs(30),
    );
  });
});
