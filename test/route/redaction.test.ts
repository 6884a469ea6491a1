import { CREDIT_CARD_NUMBER_PATTERN, EMAIL_ADDRESS_PATTERN, JWT_PATTERN, US_SSN_PATTERN } from '@logtape/redaction';
import type { RedactionPattern } from '@logtape/redaction';
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { DurableLogRecordProcessor } from '../../src/export.ts';
import { SessionLogs, startSessionLogs } from '../../src/index.ts';
import type { Redact, SessionLogsOptions } from '../../src/index.ts';
import { bytesBelow } from '../support/daily-file.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { newerLine, sdkLines } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

// The recipe of docs/privacy.md.
const PATTERNS = [EMAIL_ADDRESS_PATTERN, CREDIT_CARD_NUMBER_PATTERN, JWT_PATTERN, US_SSN_PATTERN];
const apply = (text: string, { pattern, replacement }: RedactionPattern): string =>
  typeof replacement === 'string' ? text.replace(pattern, replacement) : text.replace(pattern, replacement);
const clean = (text: string): string => PATTERNS.reduce(apply, text);
const redact: Redact = (entry) => ({
  ...entry,
  message: clean(entry.message),
  attributes: JSON.parse(JSON.stringify(entry.attributes), (_, value: unknown) =>
    typeof value === 'string' ? clean(value) : value,
  ) as NonNullable<typeof entry.attributes>,
});

const CARD = '4111 1111 1111 1111';
const MAIL = 'ada@example.org';
const JWT =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';
const SECRETS = [CARD, MAIL, JWT];
const SECRET = 'secret-value';

it('the recipe leaves numbers alone that look like the number of a card', () => {
  const sessions = new SessionLogs({ redact, loggerProvider: () => undefined });
  const times = Array.from({ length: 100 }, (_, n) => 1_795_660_000_000 + n);
  for (const time of times) void sessions.logChunkToQueue('x', 's', { attributes: { time, nested: { at: [MAIL] } } });
  const kept = sessions.getAllLogsInQueue().map(({ attributes }) => attributes);
  expect(kept.map((each) => each?.['time'])).toEqual(times);
  expect(JSON.stringify(kept)).not.toContain(MAIL);
});

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function withProvider(
  line: SdkLine,
  options: SessionLogsOptions,
): { sessions: SessionLogs; provider: InstanceType<SdkLine['sdk']['LoggerProvider']>; seen: () => Seen[] } {
  const exporter = new line.sdk.InMemoryLogRecordExporter();
  let provider: InstanceType<typeof line.sdk.LoggerProvider> | undefined;
  const sessions = new SessionLogs({ ...options, loggerProvider: () => provider });
  provider = new line.sdk.LoggerProvider({
    processors: [sessions.processor, new line.sdk.SimpleLogRecordProcessor({ exporter })],
  });
  ends.push(() => sessions.shutdown());
  return {
    sessions,
    provider,
    seen: () =>
      exporter.getFinishedLogRecords().map(({ body, attributes }) => ({ body, attributes: { ...attributes } })),
  };
}

interface Seen {
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

describe.each(sdkLines)('redaction in a provider of SDK %s', (_name, line) => {
  const diagnostics = recordDiagnostics();

  it('rewrites message and attributes for the store and for the processors after ours', async () => {
    const { sessions, seen } = withProvider(line, { redact });
    await sessions.logChunkToQueue(`write to ${MAIL}`, 's', {
      attributes: { card: CARD, nested: { token: JWT }, plain: 1 },
    });
    sessions.logger.error(`no session, ${CARD}`, {}, { exception: new Error(`failed for ${MAIL}`) });
    const everything = JSON.stringify([sessions.getAllLogsInQueue(), seen()]);
    for (const secret of SECRETS) expect(everything).not.toContain(secret);
    expect(sessions.getAllLogsInQueue()[0]?.attributes).toMatchObject({ plain: 1 });
    expect(seen()).toHaveLength(2);
    expect(seen()[0]?.attributes['session.id']).toBe('s');
  });

  it('nested attributes are redacted too', async () => {
    const { sessions, seen } = withProvider(line, { redact });
    sessions.withSession('s', () => sessions.logger.info('x', { deep: { mails: [MAIL, { again: MAIL }] } }));
    expect(JSON.stringify([sessions.getAllLogsInQueue(), seen()])).not.toContain(MAIL);
  });

  it.each<[string, Redact, string]>([
    ['undefined', () => undefined, 'redacted'],
    [
      'a throw',
      () => {
        throw new Error(`cannot handle ${CARD}`);
      },
      'redaction_failed',
    ],
    ['no entry', () => 'text' as never, 'redaction_failed'],
    ['a promise', (async (entry: unknown) => entry) as never, 'redaction_failed'],
    ['an entry without a message', () => ({}) as never, 'redaction_failed'],
  ])(
    '%s: nothing is stored, and what goes on is empty, counted and without a word of it',
    async (_what, failing, reason) => {
      const { sessions, provider, seen } = withProvider(line, { redact: failing });
      await sessions.logChunkToQueue(CARD, 's', { attributes: { mail: MAIL } });
      sessions.withSession('s', () => sessions.logger.info(CARD, { mail: MAIL }));
      // What our writers emit is redacted before; of another logger's record the SDK lets only its content be taken.
      expect(seen()).toEqual([]);
      sessions.withSession('s', () => provider.getLogger('other').emit({ body: CARD, attributes: { mail: MAIL } }));
      expect(seen()).toHaveLength(1);
      expect(sessions.getAllLogsInQueue()).toEqual([]);
      const everything = JSON.stringify(seen()) + diagnostics.lines.join();
      for (const secret of SECRETS) expect(everything).not.toContain(secret);
      for (const { body, attributes } of seen()) {
        expect(body).toBe('');
        expect(Object.entries(attributes).filter(([key, value]) => key !== 'session.id' && value !== '')).toEqual([]);
      }
      expect(sessions.stats().lost).toEqual({ [reason]: 3 });
    },
  );
});

describe.each(sdkLines)('what a redaction sees is what goes on, SDK %s', (_name, line) => {
  const hidden = { secret: SECRET, deep: { secret: SECRET } };
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a bigint', 5n],
    ['a Date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['a regular expression', /x/],
    ['a circle', circle],
    ['NaN', Number.NaN],
    ['an object that holds a bigint', { a: { b: 5n } }],
  ])('an attribute that the redaction replaces with %s is nowhere', async (_what, replacement) => {
    const replacing = (entry: Parameters<Redact>[0]): typeof entry => ({
      ...entry,
      attributes: { ...entry.attributes, secret: replacement as string, deep: replacement as string },
    });
    const { sessions, provider, seen } = withProvider(line, { redact: replacing });
    provider.getLogger('other').emit({ body: 'other', attributes: { 'session.id': 's', ...hidden } });
    await sessions.logChunkToQueue('own', 's', { attributes: hidden });
    expect(seen()).toHaveLength(2);
    expect(sessions.getAllLogsInQueue()).toHaveLength(2);
    expect(JSON.stringify([seen(), sessions.getAllLogsInQueue()])).not.toContain(SECRET);
  });

  it('nor is what lies deeper than a redaction sees, nor what a getter tells the second time', () => {
    let nested: object = { secret: SECRET };
    for (let depth = 0; depth < 40; depth += 1) nested = { nested };
    let reads = 0;
    const changing = {
      get secret() {
        return (reads += 1) > 1 ? SECRET : 'harmless';
      },
    };
    const { sessions, provider, seen } = withProvider(line, { redact: (entry) => entry });
    const logger = provider.getLogger('other');
    for (const body of [nested, changing]) logger.emit({ body, attributes: { 'session.id': 's' } });
    logger.emit({ body: 'text', attributes: { 'session.id': 's', nested } });
    expect(seen()).toHaveLength(3);
    expect(JSON.stringify([seen(), sessions.getAllLogsInQueue()])).not.toContain(SECRET);
    expect(seen()[1]?.body).toEqual({ secret: 'harmless' });
  });

  it('an answer is read once, whatever its getters do', async () => {
    const answers: Redact[] = [
      (entry) => {
        let reads = 0;
        return {
          ...entry,
          get message() {
            return (reads += 1) > 1 ? SECRET : 'harmless';
          },
        };
      },
      (entry) => {
        let reads = 0;
        const attributes = {
          get value() {
            if ((reads += 1) > 1) throw new Error(SECRET);
            return { a: 1 };
          },
        };
        return { ...entry, message: 'harmless', attributes };
      },
    ];
    for (const answer of answers) {
      const { sessions, provider, seen } = withProvider(line, { redact: answer });
      await sessions.logChunkToQueue('own', 's');
      provider.getLogger('other').emit({ body: 'other', attributes: { 'session.id': 's' } });
      expect(seen().map(({ body }) => body)).toEqual(['harmless', 'harmless']);
      expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['harmless', 'harmless']);
    }
  });

  it('bytes and numbers that it leaves as they are go on as they are', async () => {
    const { sessions, seen } = withProvider(line, { redact: (entry) => entry });
    const bytes = new Uint8Array([1, 2, 3]);
    await sessions.logChunkToQueue('own', 's', { attributes: { bytes, nan: Number.NaN, text: 'AQID' } });
    expect(seen()[0]?.attributes).toEqual({ 'session.id': 's', bytes, nan: Number.NaN, text: 'AQID' });
  });

  it.each<[string, unknown]>([
    ['an error with a code', Object.assign(new TypeError('boom'), { code: 'ECONNREFUSED' })],
    ['an error without a message', new RangeError('')],
    ['an object like an error', { name: 'Name', message: 'message', stack: 'stack' }],
    ['a text', 'text'],
    ['a number', 5],
  ])('%s has the same attributes with a redaction as without', (_what, exception) => {
    const exported = [undefined, (entry: Parameters<Redact>[0]) => entry].map((redacting) => {
      const { sessions, seen } = withProvider(line, { redact: redacting });
      sessions.logger.error('plain', { 'session.id': 's' }, { exception });
      sessions.logger.error('given', { 'session.id': 's', 'exception.message': 'given' }, { exception });
      return seen();
    });
    expect(exported[0]).toHaveLength(2);
    expect(exported[1]).toEqual(exported[0]);
  });

  it('it is told the session from baggage or the callback, and the trace', async () => {
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    onTestFinished(() => api.context.disable());
    const told: unknown[] = [];
    let calls = 0;
    const { sessions } = withProvider(line, {
      redact: (entry) => {
        told.push([entry.message, entry.sessionId, entry.traceId]);
        return entry;
      },
      baggage: { trust: () => true },
      sessionId: ({ attributes, instrumentationScope, resource }) => {
        calls += 1;
        const name = `${instrumentationScope.name} ${typeof resource.attributes}`;
        return attributes['tenant'] === 't' ? `t by ${name}` : undefined;
      },
    });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const spanContext = { traceId, spanId: 'b7ad6b7169203331', traceFlags: 1 };
    const baggage = api.propagation.createBaggage({ 'session.id': { value: 'carried' } });
    const context = api.trace.setSpanContext(api.ROOT_CONTEXT, spanContext);
    api.context.with(api.propagation.setBaggage(context, baggage), () => sessions.logger.info('baggage'));
    await api.context.with(context, () => sessions.logChunkToQueue('chunk', 's'));
    expect(calls).toBe(0);
    sessions.logger.info('callback', { tenant: 't' });
    expect(calls).toBe(1);
    const session = 't by otel-session-logs object';
    expect(told).toEqual([
      ['baggage', 'carried', traceId],
      ['chunk', 's', traceId],
      ['callback', session, undefined],
    ]);
    expect(sessions.allSessionsInQueue).toEqual(['carried', 's', session]);
  });

  it('a record whose session is found within the provider only is redacted as of that session', () => {
    const told: string[] = [];
    const { sessions } = withProvider(line, {
      redact: (entry) => {
        told.push(entry.sessionId);
        return entry;
      },
      sessionId: ({ resource }) => (resource.attributes['service.name'] === undefined ? undefined : 'found'),
    });
    sessions.logger.info('text');
    expect(told).toEqual(['', 'found']);
    expect(sessions.allSessionsInQueue).toEqual(['found']);
  });
});

describe('redaction on the other ways', () => {
  it('without a provider, and on a provider without our processor: also the first record', async () => {
    const { sdk } = newerLine;
    const exporter = new sdk.InMemoryLogRecordExporter();
    const provider = new sdk.LoggerProvider({ processors: [new sdk.SimpleLogRecordProcessor({ exporter })] });
    for (const loggerProvider of [() => undefined, provider]) {
      const sessions = new SessionLogs({ redact, loggerProvider });
      await sessions.logChunkToQueue(`a ${MAIL}`, 's', { attributes: { card: CARD } });
      await sessions.logChunkToQueue(`b ${MAIL}`, 's');
      expect(sessions.getAllLogsInQueue()).toHaveLength(2);
      expect(JSON.stringify(sessions.getAllLogsInQueue())).not.toMatch(new RegExp(`${MAIL}|${CARD}`));
      await sessions.shutdown();
    }
    const exported = exporter.getFinishedLogRecords();
    expect(exported).toHaveLength(2);
    expect(JSON.stringify(exported.map(({ body, attributes }) => [body, attributes]))).not.toMatch(
      new RegExp(`${MAIL}|${CARD}`),
    );
  });

  it('startSessionLogs: not in the store, the file, the spool or at the collector; what is dropped is nowhere', async () => {
    const receiver = await startOtlpReceiver();
    ends.push(() => receiver.close());
    const [directory, spool] = [temporaryDirectory(), temporaryDirectory()];
    const sessions = await startSessionLogs({
      directory,
      endpoint: receiver.url,
      spool: { directory: spool },
      console: false,
      streamHandler: false,
      redact: (entry) => (entry.message.startsWith('unwanted') ? undefined : redact(entry)),
    });
    ends.push(() => sessions.shutdown());
    await sessions.logChunkToQueue(`keep ${MAIL} ${JWT}`, 's', { attributes: { card: CARD } });
    await sessions.logChunkToQueue(`unwanted ${MAIL}`, 's');
    sessions.logger.warn(`unwanted ${CARD}`);
    await new Promise(setImmediate);
    const onDisk = bytesBelow(directory) + bytesBelow(spool);
    expect(onDisk).toContain('keep');
    await sessions.forceFlush();
    const everything =
      onDisk + bytesBelow(directory) + JSON.stringify([sessions.getAllLogsInQueue(), receiver.records()]);
    for (const secret of [...SECRETS, 'unwanted']) expect(everything).not.toContain(secret);
    expect(receiver.records()).toHaveLength(1);
    expect(sessions.stats().lost).toEqual({ redacted: 2 });
  });

  it('a durable processor of your own spools what the redaction left', async () => {
    const { sdk } = newerLine;
    const directory = temporaryDirectory();
    const never = { export: () => undefined, shutdown: () => Promise.resolve(), forceFlush: () => Promise.resolve() };
    const durable = new DurableLogRecordProcessor({ exporter: never, directory, shutdownTimeoutMillis: 100 });
    ends.push(() => durable.shutdown());
    let provider: InstanceType<typeof sdk.LoggerProvider> | undefined;
    const sessions = new SessionLogs({ redact, loggerProvider: () => provider });
    provider = new sdk.LoggerProvider({ processors: [sessions.processor, durable] });
    await sessions.logChunkToQueue(`spooled ${MAIL}`, 's', { attributes: { card: CARD } });
    await new Promise(setImmediate);
    const bytes = bytesBelow(directory);
    expect(bytes).toContain('spooled');
    for (const secret of SECRETS) expect(bytes).not.toContain(secret);
  });
});
