import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, describe, expect, it } from 'vitest';

import {
  CoalescingLogRecordProcessor,
  DateFileLogRecordProcessor,
  DurableLogRecordProcessor,
} from '../../src/export.ts';
import { SessionLogs, withSession } from '../../src/index.ts';
import type { SessionLogsOptions } from '../../src/index.ts';
import { bytesBelow } from '../support/daily-file.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { processorThat, sdkLines } from '../support/sdk-lines.ts';
import type { Processor, Provider, ProviderOptions } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

// Processors and providers of the application that change, keep back, derive and copy records on their way.

const STREAM_ID = 'session_logs.stream_id';
const LOG_TYPE = 'session_logs.log_type';
const FINISH_REASONS = 'gen_ai.response.finish_reasons';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

describe.each(sdkLines)('records that the application changes on their way, SDK %s', (_name, line) => {
  const diagnostics = recordDiagnostics();

  interface Chain {
    readonly before?: Processor[];
    readonly after?: Processor[];
    /** In the place of our processor. */
    readonly around?: (ours: Processor) => Processor;
    readonly limits?: ProviderOptions['logRecordLimits'];
  }

  function start(chain: Chain, options: SessionLogsOptions = {}): { sessions: SessionLogs; provider: Provider } {
    const { before = [], after = [], around = (ours) => ours, limits = {} } = chain;
    let provider: Provider | undefined;
    const sessions = new SessionLogs({ loggerProvider: () => provider, ...options });
    const processors = [...before, around(sessions.processor), ...after];
    provider = new line.sdk.LoggerProvider({ logRecordLimits: limits, processors });
    ends.push(() => sessions.shutdown());
    return { sessions, provider };
  }

  /** An exporter behind a simple processor, and what it got. */
  function exporting(): { processor: Processor; records: () => { body: unknown; [key: string]: unknown }[] } {
    const exporter = new line.sdk.InMemoryLogRecordExporter();
    return {
      processor: new line.sdk.SimpleLogRecordProcessor({ exporter }),
      records: () =>
        exporter.getFinishedLogRecords().map(({ body, attributes }) => Object.assign({ body }, attributes)),
    };
  }

  const held = (sessions: SessionLogs): unknown[] =>
    sessions
      .getAllLogsInQueue()
      .map(({ sessionId, message, logType, streamId }) => [sessionId, message, logType, streamId]);

  it('what a processor before ours sets counts: log type, stream, session and finish reasons', async () => {
    const setting = processorThat((record) => {
      if (record.body === 'hide') record.setAttribute(LOG_TYPE, 'log');
      if (record.body === 'stream') record.setAttribute(STREAM_ID, 'set');
      if (record.body === 'move') record.setAttribute('session.id', 'moved');
      if (record.eventName === 'session_logs.stream_end') record.setAttribute(FINISH_REASONS, ['mapped']);
    });
    const { processor, records } = exporting();
    const { sessions } = start({ before: [setting], after: [processor] });
    for (const text of ['hide', 'stream', 'move']) await sessions.logChunkToQueue(text, 's');
    await sessions.logChunkToQueue('', 's', { kind: 'stream-end', attributes: { [FINISH_REASONS]: ['given'] } });
    expect(held(sessions)).toEqual([
      ['s', 'hide', 'log', undefined],
      ['s', 'stream', 'chat', 'set'],
      ['moved', 'move', 'chat', undefined],
      ['s', '</end>', 'chat', undefined],
    ]);
    expect(sessions.getAllLogsInQueue().at(-1)?.attributes).toEqual({ [FINISH_REASONS]: ['mapped'] });
    expect(records().map((record) => record['session.id'])).toEqual(['s', 's', 'moved', 's']);
    const response = await sessions.toEventStreamResponse('s', { from: 'start', until: 'caught-up' });
    expect(await response.text()).not.toContain('hide');
  });

  it('finish reasons that a limit cut are none that a processor set', async () => {
    const { sessions } = start({ limits: { attributeValueLengthLimit: 4 } });
    const options = { kind: 'stream-end', attributes: { [FINISH_REASONS]: ['content_filter'] } } as const;
    await sessions.logChunkToQueue('', 's', options);
    expect(sessions.getAllLogsInQueue()[0]?.attributes).toEqual({ [FINISH_REASONS]: ['content_filter'] });
  });

  it('a leveled log has the stream and the log type that its attributes tell, but none of a prototype', () => {
    const { sessions } = start({});
    withSession('s', () => {
      sessions.logger.info('a', { [STREAM_ID]: 'stream' });
      sessions.logger.info('b', { [LOG_TYPE]: 'chat' });
      sessions.logger.info(
        'c',
        JSON.parse(`{"__proto__":{"${LOG_TYPE}":"chat","${STREAM_ID}":"x"}}`) as object as never,
      );
    });
    expect(held(sessions)).toEqual([
      ['s', 'a', 'log', 'stream'],
      ['s', 'b', 'chat', undefined],
      ['s', 'c', 'log', undefined],
    ]);
  });

  it('a processor that keeps our records back hands each on as what it is', async () => {
    let kept: Parameters<Processor['onEmit']> | undefined;
    const arrived: unknown[] = [];
    const late = (ours: Processor): Processor =>
      processorThat((...now) => {
        if (kept !== undefined) {
          const before = sessions.getAllLogsInQueue().length;
          ours.onEmit(...kept);
          arrived.push(...held(sessions).slice(before));
        }
        kept = now;
      });
    const { sessions } = start({ around: late });
    await sessions.logChunkToQueue('one', 's1');
    await sessions.logChunkToQueue('two', 's2', { streamId: 'x' });
    await sessions.logChunkToQueue('two', 's3', { logType: 'log' });
    await sessions.logChunkToQueue('</end>', 's3');
    await sessions.logChunkToQueue('four', 's3');
    await sessions.logChunkToQueue('last', 's4');
    expect(arrived).toEqual([
      ['s1', 'one', 'chat', undefined],
      ['s2', 'two', 'chat', 'x'],
      ['s3', 'two', 'log', undefined],
      ['s3', '</end>', 'chat', undefined],
      ['s3', 'four', 'chat', undefined],
    ]);
  });

  it('a record that a processor derives under our scope is in its own session', async () => {
    const derived = (): void =>
      provider.getLogger('otel-session-logs').emit({ body: 'audit', attributes: { 'session.id': 'audit' } });
    const { sessions, provider } = start({
      before: [processorThat((record) => (record.body === 'audit' ? undefined : derived()))],
    });
    await sessions.logChunkToQueue('</end>', 's', { streamId: 'x' });
    expect(held(sessions)).toEqual([
      ['audit', 'audit', 'chat', undefined],
      ['s', '</end>', 'chat', 'x'],
    ]);
    expect(sessions.getAllLogsInQueue()[0]?.kind).toBe('text');
  });

  it('a provider that renames scopes and cuts session ids: each record is held once, in the whole session', async () => {
    const long = 'user-0000-0000-0000-0000-00000000-1';
    let inner: { emit(record: object): void } | undefined;
    const sessions = new SessionLogs({
      loggerProvider: { getLogger: () => ({ emit: (record) => inner?.emit(record) }) },
    });
    ends.push(() => sessions.shutdown());
    const limits = { attributeValueLengthLimit: 32 };
    inner = new line.sdk.LoggerProvider({ logRecordLimits: limits, processors: [sessions.processor] }).getLogger(
      'renamed',
    );
    await sessions.logChunkToQueue('chunk', long);
    withSession(long, () => sessions.logger.info('leveled'));
    expect(held(sessions)).toEqual([
      [long, 'chunk', 'chat', undefined],
      [long, 'leveled', 'log', undefined],
    ]);
    expect(diagnostics.lines.join()).not.toContain('does not lead');
  });

  it('a sealed record is held, counted nowhere as lost, and passed on', async () => {
    for (const redact of [undefined, <T>(entry: T): T => entry]) {
      const { processor, records } = exporting();
      const sealing = processorThat((record) => void Object.seal(record));
      const { sessions, provider } = start({ before: [sealing], after: [processor] }, { redact });
      await sessions.logChunkToQueue('own', 's');
      provider.getLogger('other').emit({ body: 'other', attributes: { 'session.id': 's' } });
      expect(held(sessions)).toHaveLength(2);
      expect(records().map(({ body }) => body)).toEqual(['own', 'other']);
      expect(sessions.stats().lost).toEqual({});
    }
  });

  describe('between our processor and our exporters', () => {
    it('a changed session id, event name or log type is what the file and merged records have', async () => {
      const changing = processorThat((record) => {
        const text = String(record.body);
        if (text.startsWith('hash')) record.setAttribute('session.id', 'hashed');
        if (text === 'blank') record.setAttribute('session.id', '');
        if (text === 'part') record.setAttribute('session.id', 'sess');
        if (text === 'event') record.setEventName('my.event');
        if (text === 'log') record.setAttribute(LOG_TYPE, 'log');
      });
      const directory = temporaryDirectory();
      const file = new DateFileLogRecordProcessor({ directory });
      const { processor, records } = exporting();
      const merging = new CoalescingLogRecordProcessor({ processor });
      const { sessions } = start({ after: [changing, file, merging] });
      for (const text of ['hash1', 'hash2', 'event', 'log', 'blank', 'part'])
        await sessions.logChunkToQueue(text, 'session');
      await merging.forceFlush();
      await file.shutdown();
      const lines = [...bytesBelow(directory).matchAll(/CHAT \[(.*?)\] (\w+)/g)].map(([, id, text]) => `${id} ${text}`);
      expect(lines).toEqual(['hashed hash1', 'hashed hash2', 'session event', 'session log', '- blank', 'sess part']);
      expect(records().map((record) => [record['session.id'], record.body])).toEqual([
        ['session', 'event'],
        ['session', 'log'],
        ['', 'blank'],
        ['hashed', 'hash1hash2'],
        ['sess', 'part'],
      ]);
      expect(held(sessions)).toHaveLength(6);
    });

    it('the file takes no session from an attribute named __proto__', async () => {
      const directory = temporaryDirectory();
      const file = new DateFileLogRecordProcessor({ directory });
      const { provider } = start({ after: [file] });
      const attributes = JSON.parse('{"__proto__":{"session.id":"forged"}}') as Record<string, string>;
      provider.getLogger('other').emit({ body: 'x', attributes });
      await file.shutdown();
      expect(bytesBelow(directory)).toContain(' [-] x ');
    });

    it("flushSession names the newest entry, in whichever order a session's records come", async () => {
      const nesting = processorThat((record) => {
        const attributes = { 'session.id': 's' };
        if (String(record.body).startsWith('outer')) provider.getLogger('other').emit({ body: 'nested', attributes });
      });
      const durable = new DurableLogRecordProcessor({
        exporter: new line.sdk.InMemoryLogRecordExporter(),
        directory: temporaryDirectory(),
      });
      ends.push(() => durable.shutdown());
      const { sessions, provider } = start({ after: [nesting, durable] });
      await sessions.logChunkToQueue('outer 1', 's');
      await sessions.logChunkToQueue('outer 2', 's');
      const newest = sessions.getAllLogsInQueue().at(-1);
      expect(newest?.message).toBe('nested');
      expect(await sessions.flushSession('s')).toEqual({
        deliveredId: newest?.id,
        pending: 0,
        rejected: 0,
        dropped: 0,
      });
    });

    it('flushSession names the newest entry of streams that are merged side by side', async () => {
      const durable = new DurableLogRecordProcessor({
        exporter: new line.sdk.InMemoryLogRecordExporter(),
        directory: temporaryDirectory(),
      });
      const merging = new CoalescingLogRecordProcessor({ processor: durable });
      ends.push(() => merging.shutdown());
      const { sessions } = start({ after: [merging] });
      for (const streamId of ['a', 'b', 'a']) await sessions.logChunkToQueue('text', 's', { streamId });
      const newest = sessions.getAllLogsInQueue().at(-1);
      expect((await sessions.flushSession('s')).deliveredId).toBe(newest?.id);
    });
  });

  it('a provider whose getLogger throws once gets the next record; the one before it gets no more', async () => {
    const [first, second] = [exporting(), exporting()];
    const provider = new line.sdk.LoggerProvider({ processors: [second.processor] });
    let throws = true;
    const moody = {
      getLogger: (name: string) => {
        if (!throws) return provider.getLogger(name);
        throws = false;
        throw new Error('not yet');
      },
    };
    let current: { getLogger(name: string): { emit(record: never): void } } = new line.sdk.LoggerProvider({
      processors: [first.processor],
    });
    const sessions = new SessionLogs({ loggerProvider: () => current });
    ends.push(() => sessions.shutdown());
    await sessions.logChunkToQueue('1', 's');
    current = moody;
    await sessions.logChunkToQueue('2', 's');
    await sessions.logChunkToQueue('3', 's');
    expect(first.records().map(({ body }) => body)).toEqual(['1']);
    expect(second.records().map(({ body }) => body)).toEqual(['3']);
    expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['1', '2', '3']);
  });

  it('a record that is kept does not keep the store that its session was in', async () => {
    const kept: object[] = [];
    const store = await (async () => {
      const { sessions } = start({ after: [processorThat((record) => void kept.push(record))] });
      await sessions.logChunkToQueue('text', 's');
      ends.length = 0;
      await sessions.shutdown();
      return new WeakRef(sessions.processor.store);
    })();
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    await expect
      .poll(() => {
        collectGarbage();
        return store.deref() === undefined;
      })
      .toBe(true);
    expect(kept).toHaveLength(1);
  });

  it.each([0, -1])('diagnose() finds no limit where the SDK ignores it: %s', async (limit) => {
    const { sessions } = start({ limits: { attributeValueLengthLimit: limit } });
    const { findings } = await sessions.diagnose();
    expect(findings.map(({ code }) => code)).not.toContain('attribute_limits');
  });
});
