import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import {
  CoalescingLogRecordProcessor,
  DateFileLogRecordProcessor,
  DurableLogRecordProcessor,
} from '../../src/export.ts';
import { SessionLogs, withSession } from '../../src/index.ts';
import type { LogEntry, SessionLogsOptions } from '../../src/index.ts';
import { collect } from '../support/collect.ts';
import { bytesBelow } from '../support/daily-file.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { processorThat, sdkLines } from '../support/sdk-lines.ts';
import type { Processor, Provider, ProviderOptions } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

type Limits = ProviderOptions['logRecordLimits'];

/** `count` attributes: `a0`, `a1`, ... */
function attributes(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, index]));
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

describe.each(sdkLines)('what routing depends on, SDK %s', (_name, line) => {
  const diagnostics = recordDiagnostics();

  function start(
    options: SessionLogsOptions = {},
    limits: Limits = {},
    around: { readonly before?: Processor[]; readonly after?: Processor[] } = {},
  ): {
    sessions: SessionLogs;
    provider: Provider;
    exported: () => { body: unknown; attributes: Record<string, unknown> }[];
  } {
    const exporter = new line.sdk.InMemoryLogRecordExporter();
    let provider: Provider | undefined;
    const sessions = new SessionLogs({ loggerProvider: () => provider, ...options });
    const { before = [], after = [] } = around;
    provider = new line.sdk.LoggerProvider({
      logRecordLimits: limits,
      processors: [...before, sessions.processor, ...after, new line.sdk.SimpleLogRecordProcessor({ exporter })],
    });
    ends.push(() => sessions.shutdown());
    const exported = (): { body: unknown; attributes: Record<string, unknown> }[] =>
      exporter.getFinishedLogRecords().map(({ body, attributes: all }) => ({ body, attributes: { ...all } }));
    return { sessions, provider, exported };
  }

  const only = (sessions: SessionLogs): LogEntry => sessions.getAllLogsInQueue()[0] as LogEntry;

  it('a chunk with 128 attributes is held in its session, and exported with it', async () => {
    const { sessions, exported } = start();
    await sessions.logChunkToQueue('m', 's', { attributes: attributes(128) });
    expect(only(sessions)).toMatchObject({ sessionId: 's', message: 'm', logType: 'chat' });
    expect(exported()[0]?.attributes['session.id']).toBe('s');
    expect(sessions.stats().lost).toEqual({});
  });

  it('a log with 127 attributes is a log: no event stream shows it', async () => {
    const { sessions, exported } = start();
    await sessions.logChunkToQueue('for the operator', 's', { logType: 'log', attributes: attributes(127) });
    await sessions.logChunkToQueue('for the user', 's');
    expect(only(sessions).logType).toBe('log');
    expect(exported()[0]?.attributes['session_logs.log_type']).toBe('log');
    const response = await sessions.toEventStreamResponse('s', { from: 'start', until: 'caught-up' });
    const text = await response.text();
    expect(text).toContain('for the user');
    expect(text).not.toContain('operator');
  });

  it('withSession: a record of another logger with 127 attributes is stamped; with 128 the refusal is counted, and said once', async () => {
    const directory = temporaryDirectory();
    const file = new DateFileLogRecordProcessor({ directory });
    const { sessions, provider, exported } = start({}, {}, { after: [file] });
    const logger = provider.getLogger('other');
    withSession('s', () => {
      logger.emit({ body: 'fits', attributes: attributes(127) });
      logger.emit({ body: 'one', attributes: attributes(128) });
      logger.emit({ body: 'two', attributes: attributes(200) });
    });
    expect(sessions.getAllLogsInQueue().map(({ sessionId, message }) => [sessionId, message])).toEqual([
      ['s', 'fits'],
      ['s', 'one'],
      ['s', 'two'],
    ]);
    expect(exported().map((record) => record.attributes['session.id'])).toEqual(['s', undefined, undefined]);
    expect(sessions.stats().lost).toEqual({ unstamped: 2 });
    expect(diagnostics.lines.filter((text) => text.includes('without their full `session.id`'))).toHaveLength(1);
    // The file is ours: it does not depend on the stamp.
    await file.shutdown();
    expect(bytesBelow(directory).match(/ \[s\] (?:fits|one|two) /g)).toHaveLength(3);
  });

  it('a leveled log of ours in a session is stamped, whatever the number of its attributes', () => {
    const { sessions, exported } = start();
    withSession('s', () => sessions.logger.info('m', attributes(200)));
    expect(only(sessions)).toMatchObject({ sessionId: 's', logType: 'log' });
    expect(exported()[0]?.attributes['session.id']).toBe('s');
    expect(sessions.stats().lost).toEqual({});
  });

  describe('with attribute values cut at 32 characters', () => {
    const COMMON = 'user-0000-0000-0000-0000-00000000';
    const [FIRST, SECOND] = [`${COMMON}-1`, `${COMMON}-2`];
    const limits: Limits = { attributeValueLengthLimit: 32 };

    it('two sessions of our own writers stay two, and the cut id is none', async () => {
      const directory = temporaryDirectory();
      const file = new DateFileLogRecordProcessor({ directory });
      const { sessions } = start({}, limits, { after: [file] });
      await sessions.logChunkToQueue('first', FIRST);
      await sessions.logChunkToQueue('second', SECOND, { streamId: `${COMMON}-stream` });
      withSession(SECOND, () => sessions.logger.info('leveled'));
      expect(sessions.allSessionsInQueue).toEqual([FIRST, SECOND]);
      expect(await collect(sessions.getSessionLogs(FIRST, { until: 'caught-up' }))).toEqual(['first']);
      expect(await collect(sessions.getSessionLogs(SECOND, { until: 'caught-up' }))).toEqual(['second']);
      expect(sessions.getAllLogsInQueue()[1]?.streamId).toBe(`${COMMON}-stream`);
      // An exporter gets what the SDK leaves of the id; that much is counted.
      expect(sessions.stats().lost).toEqual({ unstamped: 3 });
      await file.shutdown();
      expect(bytesBelow(directory)).toContain(`[${SECOND}] second`);
    });

    it("another logger's records go to the session of the running code when the attribute is a part of its id", () => {
      const { sessions, provider } = start({}, limits);
      withSession(FIRST, () => provider.getLogger('other').emit({ body: 'x', attributes: { 'session.id': FIRST } }));
      expect(sessions.allSessionsInQueue).toEqual([FIRST]);
      expect(sessions.stats().lost).toEqual({ unstamped: 1 });
    });

    it("another logger's ids that may be cut are counted, said once, and found by diagnose()", async () => {
      const { sessions, provider } = start({}, limits);
      const logger = provider.getLogger('other');
      logger.emit({ body: 'x', attributes: { 'session.id': FIRST } });
      logger.emit({ body: 'y', attributes: { 'session.id': SECOND } });
      logger.emit({ body: 'z', attributes: { 'session.id': 'short' } });
      expect(sessions.stats().lost).toEqual({ session_id_cut: 2 });
      expect(diagnostics.lines.filter((text) => text.includes('they may be cut'))).toHaveLength(1);
      const { findings } = await sessions.diagnose();
      expect(findings.find(({ code }) => code === 'attribute_limits')?.problem).toContain('32 characters');
    });

    it('merges no streams of two such sessions', async () => {
      const exporter = new line.sdk.InMemoryLogRecordExporter();
      const merging = new CoalescingLogRecordProcessor({
        processor: new line.sdk.SimpleLogRecordProcessor({ exporter }),
      });
      const { sessions } = start({}, limits, { after: [merging] });
      for (const text of ['a', 'b']) {
        await sessions.logChunkToQueue(`1${text}`, FIRST);
        await sessions.logChunkToQueue(`2${text}`, SECOND);
      }
      await merging.forceFlush();
      const merged = exporter.getFinishedLogRecords();
      expect(merged.map(({ body, attributes: all }) => [body, all['session.id']])).toEqual([
        ['1a1b', FIRST],
        ['2a2b', SECOND],
      ]);
    });
  });

  it('room for one attribute: a tap keeps its marks, its stream and its finish reasons for readers', async () => {
    const exporter = new line.sdk.InMemoryLogRecordExporter();
    const merging = new CoalescingLogRecordProcessor({
      processor: new line.sdk.SimpleLogRecordProcessor({ exporter }),
    });
    const { sessions } = start({}, { attributeCountLimit: 1, attributeValueLengthLimit: 4 }, { after: [merging] });
    const source = (async function* () {
      yield 'tok';
      throw new Error('away');
    })();
    await expect(collectAll(sessions.tap('s', source))).rejects.toThrow('away');
    const entries = sessions.getAllLogsInQueue();
    expect(entries.map(({ kind }) => kind)).toEqual(['stream-start', 'text', 'error', 'stream-end']);
    expect(new Set(entries.map(({ streamId }) => streamId)).size).toBe(1);
    expect(entries[0]?.streamId).toMatch(/^[0-9a-f-]{36}$/);
    expect(entries.at(-1)?.attributes).toEqual({ 'gen_ai.response.finish_reasons': ['error'] });
    const merged = exporter.getFinishedLogRecords().find(({ body }) => body === 'tok');
    expect(merged?.attributes['gen_ai.response.finish_reasons']).toEqual(['error']);
  });

  it('a stream that another one replaced is known as such with any limit', async () => {
    const { sessions } = start({}, { attributeCountLimit: 1, attributeValueLengthLimit: 2 });
    await sessions.logChunkToQueue('<start>', 's');
    await sessions.logChunkToQueue('', 's', {
      kind: 'stream-end',
      attributes: { 'gen_ai.response.finish_reasons': ['abandoned'] },
    });
    await sessions.logChunkToQueue('<start>', 's');
    await sessions.logChunkToQueue('text', 's');
    await sessions.logChunkToQueue('</end>', 's');
    const texts = await collect(sessions.getSessionLogs('s', { until: 'stream-end', tokens: false }));
    expect(texts).toEqual(['text']);
  });

  describe('what a record is, is known of each record', () => {
    it('a processor before ours that logs within onEmit: each record keeps its own kind, stream and end', async () => {
      let other: { emit(record: { body: string }): void } | undefined;
      const before = processorThat((record) => {
        if (record.body !== 'nested') other?.emit({ body: 'nested' });
      });
      const { sessions, provider } = start({}, {}, { before: [before] });
      other = provider.getLogger('other');
      await withSession('s', () =>
        sessions.logChunkToQueue('thought </think>', 's', { streamId: 'a', logType: 'chat' }),
      );
      await sessions.logChunkToQueue('after', 's');
      const entries = sessions.getAllLogsInQueue();
      expect(entries.map(({ message, streamId }) => [message, streamId])).toEqual([
        ['nested', undefined],
        ['thought </think>', 'a'],
        ['after', undefined],
      ]);
      // `nested` has no stream, and does not end the reasoning.
      expect(await collect(sessions.pop('s'))).toEqual(['nested', 'thought </think>']);
    });

    it('a processor between ours that logs within onEmit: each record is delivered as of its own session', async () => {
      let other: { emit(record: { body: string; attributes: Record<string, string> }): void } | undefined;
      const between = processorThat((record) => {
        if (record.body !== 'nested') other?.emit({ body: 'nested', attributes: { 'session.id': 'other' } });
      });
      const exporter = new line.sdk.InMemoryLogRecordExporter();
      const durable = new DurableLogRecordProcessor({ exporter: exporter, directory: temporaryDirectory() });
      ends.push(() => durable.shutdown());
      const { sessions, provider } = start({}, {}, { after: [between, durable] });
      other = provider.getLogger('other');
      await sessions.logChunkToQueue('one', 's');
      await sessions.logChunkToQueue('two', 's');
      const ids = (id: string): (string | undefined)[] =>
        sessions.getAllLogsInQueue({ sessionId: id }).map((entry) => entry.id);
      const report = { pending: 0, rejected: 0, dropped: 0 };
      expect(await sessions.flushSession('s')).toEqual({ ...report, deliveredId: ids('s').at(-1) });
      expect(await sessions.flushSession('other')).toEqual({ ...report, deliveredId: ids('other').at(-1) });
    });

    it('a provider without our processor, one of whose processors logs through `sessions.logger`: held, and redacted', async () => {
      for (const redact of [
        undefined,
        (entry: { message: string }) => ({ ...entry, message: entry.message.replace('secret', '***') }),
      ]) {
        const exporter = new line.sdk.InMemoryLogRecordExporter();
        let nested = 0;
        const logging = processorThat(() => {
          if (nested > 0) return;
          nested += 1;
          sessions.logger.info('secret nested');
          nested -= 1;
        });
        const provider: Provider = new line.sdk.LoggerProvider({
          processors: [logging, new line.sdk.SimpleLogRecordProcessor({ exporter })],
        });
        const sessions = new SessionLogs({ loggerProvider: provider, redact: redact as never });
        onTestFinished(() => sessions.shutdown());
        for (const n of [1, 2, 3]) {
          await withSession('s', () => sessions.logChunkToQueue(`secret ${n}`, 's'));
        }
        const word = redact === undefined ? 'secret' : '***';
        const expected = [1, 2, 3].flatMap((n) => [`${word} nested`, `${word} ${n}`]);
        expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(expected);
        expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(expected);
        expect(sessions.stats().lost).toEqual({});
      }
    });

    it('the provider changes to one without our processor: no record is exported unredacted', async () => {
      const exporter = new line.sdk.InMemoryLogRecordExporter();
      const make = (processors: Processor[]): Provider =>
        new line.sdk.LoggerProvider({
          processors: [...processors, new line.sdk.SimpleLogRecordProcessor({ exporter })],
        });
      const providers: Provider[] = [];
      let current = 0;
      const sessions = new SessionLogs({
        redact: (entry) => ({ ...entry, message: entry.message.replace('secret', '***') }),
        loggerProvider: () => providers[current],
      });
      ends.push(() => sessions.shutdown());
      providers.push(make([sessions.processor]), make([]));
      for (const [index, provider] of [0, 1, 0, 0, 1, 1].entries()) {
        current = provider;
        await sessions.logChunkToQueue(`secret ${index}`, 's');
        sessions.logger.info(`secret log ${index}`);
      }
      const bodies = exporter.getFinishedLogRecords().map(({ body }) => String(body));
      expect(bodies).toHaveLength(12);
      expect(bodies.join()).not.toContain('secret');
      expect(sessions.getAllLogsInQueue({ sessionId: 's' }).map(({ message }) => message)).toEqual(
        [0, 1, 2, 3, 4, 5].map((index) => `*** ${index}`),
      );
    });

    it('what a processor before ours adds is redacted too, and a redaction sees a record once otherwise', async () => {
      let calls = 0;
      const enriching = processorThat((record) => {
        if (String(record.body).includes('enrich')) record.setAttribute('mail', 'secret');
      });
      const { sessions, exported } = start(
        {
          redact: (entry) => {
            calls += 1;
            return JSON.parse(JSON.stringify(entry).replaceAll('secret', '***')) as typeof entry;
          },
        },
        {},
        { before: [enriching] },
      );
      await sessions.logChunkToQueue('plain secret', 's', { attributes: { list: ['secret', { deep: 'secret' }] } });
      expect(calls).toBe(1);
      await sessions.logChunkToQueue('enrich', 's');
      expect(JSON.stringify([exported(), sessions.getAllLogsInQueue()])).not.toContain('secret');
      expect(exported()[1]?.attributes['mail']).toBe('***');
    });

    it('an attribute under our own prefix is no way around the redaction', async () => {
      const redact = <T>(entry: T): T => JSON.parse(JSON.stringify(entry).replaceAll('secret', '***')) as T;
      const { sessions, provider, exported } = start({ redact });
      const hidden = {
        'session_logs.note': 'secret',
        'session_logs.log_type': 'secret',
        'session_logs.chunk_count': 'secret',
      };
      await sessions.logChunkToQueue('own', 's', { attributes: hidden });
      provider.getLogger('other').emit({ body: 'other', attributes: { 'session.id': 's', ...hidden } });
      expect(exported()).toHaveLength(2);
      expect(JSON.stringify(exported())).not.toContain('secret');
    });

    it('a provider that hands records on under another scope: each is held once', async () => {
      let renamed: { emit(record: object): void } | undefined;
      const wrapping = { getLogger: () => ({ emit: (record: object) => renamed?.emit({ ...record }) }) };
      const sessions = new SessionLogs({ loggerProvider: wrapping });
      ends.push(() => sessions.shutdown());
      const provider: Provider = new line.sdk.LoggerProvider({ processors: [sessions.processor] });
      renamed = provider.getLogger('renamed');
      await sessions.logChunkToQueue('text', 's', { attributes: { a: 1 } });
      expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['text']);
      expect(diagnostics.lines.join()).not.toContain('does not lead');
    });
  });

  it('a time before the process began is kept as given', async () => {
    const { sessions } = start();
    for (const timestamp of ['1980-05-05T00:00:00.000Z', 1, new Date(86_400_000)]) {
      await sessions.logChunkToQueue('m', 's', { timestamp });
    }
    expect(sessions.getAllLogsInQueue().map(({ timestamp }) => timestamp)).toEqual([
      '1980-05-05T00:00:00.000Z',
      '1970-01-01T00:00:00.001Z',
      '1970-01-02T00:00:00.000Z',
    ]);
  });
});

async function collectAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
