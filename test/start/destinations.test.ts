import { existsSync } from 'node:fs';

import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { DateFileLogRecordProcessor, DurableLogRecordProcessor } from '../../src/export.ts';
import { sharedSessionLogs, startSessionLogs } from '../../src/index.ts';
import type { Destination, SessionLogs, StartSessionLogsOptions } from '../../src/index.ts';
import type { LogRecord, LogRecordProcessor } from '../../src/otel/log-record.ts';
import { bytesBelow } from '../support/daily-file.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { ManualExporter } from '../support/manual-exporter.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const started: SessionLogs[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.allSettled(started.splice(0).map((sessions) => sessions.shutdown({ timeoutMillis: 500 })));
});

async function receiving(): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

/** A processor of somebody else's, which keeps the bodies that it gets. */
function processor(own: Partial<Record<keyof LogRecordProcessor, unknown>> = {}): LogRecordProcessor & {
  readonly bodies: unknown[];
  readonly calls: string[];
} {
  const bodies: unknown[] = [];
  const calls: string[] = [];
  const made = {
    bodies,
    calls,
    onEmit: (record: LogRecord) => void bodies.push(record.body),
    forceFlush: async () => void calls.push('forceFlush'),
    shutdown: async () => void calls.push('shutdown'),
    ...own,
  };
  return made as unknown as ReturnType<typeof processor>;
}

const rejecting = (): Promise<never> => Promise.reject(new Error('it rejects'));
const throwing = (): never => {
  throw new Error('it throws');
};
const hanging = (): Promise<never> => new Promise(() => {});

describe.each(sdkLines)('the destinations of startSessionLogs on SDK %s', (_name, line: SdkLine) => {
  const diagnostics = recordDiagnostics();

  async function start(destinations: readonly Destination[], more: StartSessionLogsOptions = {}): Promise<SessionLogs> {
    const sdk = line.sdk as unknown as NonNullable<StartSessionLogsOptions['sdk']>;
    const quiet = { console: false, streamHandler: false, file: false, sdk } as const;
    const sessions = await startSessionLogs({ ...quiet, directory: temporaryDirectory(), ...more, destinations });
    started.push(sessions);
    return sessions;
  }

  it('get each record after the built-in ones, in the order of the list, redacted and stamped', async () => {
    const order: string[] = [];
    const noting = (name: string): LogRecordProcessor =>
      processor({
        onEmit: (record: LogRecord) =>
          void order.push(`${name} ${String(record.body)} ${String(record.attributes['session.id'])}`),
      });
    const exporter = new ManualExporter();
    const sessions = await start(
      [
        { name: 'first', processor: noting('first') },
        { name: 'second', processor: noting('second') },
      ],
      { exporter, redact: (entry) => ({ ...entry, message: entry.message.replace('secret', '***') }) },
    );
    void sessions.logChunkToQueue('a secret', 's');
    expect(order).toEqual(['first a *** s', 'second a *** s']);
    await sessions.forceFlush();
    expect(exporter.bodies()).toEqual(['a ***']);
  });

  it('get what their severity lets in, by name and by number; what has none always', async () => {
    const [warn, error, all] = [processor(), processor(), processor()];
    const sessions = await start([
      { name: 'warn', processor: warn, minimumSeverity: 'WARN' },
      { name: 'error', processor: error, minimumSeverity: 17 },
      { name: 'all', processor: all },
    ]);
    for (const level of ['info', 'warn', 'error'] as const) sessions.logger[level](level);
    void sessions.logChunkToQueue('chunk', 's');
    expect([warn.bodies, error.bodies, all.bodies]).toEqual([
      ['warn', 'error', 'chunk'],
      ['error', 'chunk'],
      ['info', 'warn', 'error', 'chunk'],
    ]);
  });

  it('the processor of the instance that is started is refused: it would get each record twice', async () => {
    const early = sharedSessionLogs();
    started.push(early);
    await expect(start([{ name: 'self', processor: early.processor }])).rejects.toThrow(
      'expected `destinations.0.processor` to be a processor other than that of sharedSessionLogs()',
    );
    expect(await start([])).toBe(early);
  });

  it.each([
    ['throws', throwing],
    ['rejects', rejecting],
    [
      'answers with a thenable that rejects',
      // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library
      () => ({ then: (_: unknown, reject: (error: unknown) => void) => reject('no') }),
    ],
  ])('one whose onEmit %s keeps no record from the others, and each is counted', async (_how, onEmit) => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    onTestFinished(() => void process.off('unhandledRejection', onRejection));
    const next = processor();
    const sessions = await start([
      { name: 'bad', processor: processor({ onEmit }) },
      { name: 'next', processor: next },
    ]);
    for (let i = 0; i < 3; i += 1) sessions.logger.info(`${i}`);
    expect(next.bodies).toEqual(['0', '1', '2']);
    await until(() => sessions.stats().lost['destination_failed'] === 3, 'all three are counted');
    const { destinations } = sessions.stats();
    expect(destinations).toEqual({ bad: { lost: { destination_failed: 3 } }, next: { lost: {} } });
    expect(diagnostics.lines.filter((text) => text.includes('the destination "bad" failed on a record'))).toHaveLength(
      1,
    );
    await new Promise(setImmediate);
    expect(rejections).toEqual([]);
  });

  it('one that logs what it does is not given that, and comes to an end', async () => {
    let sessions: SessionLogs | undefined = undefined;
    const bodies: unknown[] = [];
    const talkative = processor({
      onEmit: (record: LogRecord) => {
        bodies.push(record.body);
        sessions?.logger.info(`sent ${String(record.body)}`);
      },
    });
    const other = processor();
    sessions = await start([
      { name: 'talkative', processor: talkative },
      { name: 'other', processor: other },
    ]);
    sessions.logger.info('a');
    expect(bodies).toEqual(['a']);
    expect(other.bodies).toEqual(['sent a', 'a']);
    expect(sessions.stats().destinations['talkative']).toEqual({ lost: { destination_logged: 1 } });
    expect(sessions.stats().destinations['other']).toEqual({ lost: {} });
  });

  it('are flushed and shut down with the instance, once, with the time that is left', async () => {
    const times: unknown[] = [];
    const timed = processor({ forceFlush: async (options: unknown) => void times.push(options) });
    const plain = processor();
    const sessions = await start([
      { name: 'timed', processor: timed },
      { name: 'plain', processor: plain },
    ]);
    await sessions.forceFlush({ timeoutMillis: 5000 });
    await Promise.all([sessions.shutdown(), sessions.shutdown()]);
    expect(plain.calls).toEqual(['forceFlush', 'shutdown']);
    expect(timed.calls).toEqual(['shutdown']);
    expect(times).toHaveLength(1);
    expect((times[0] as { timeoutMillis: number }).timeoutMillis).toBeLessThanOrEqual(5000);
  });

  it.each([
    ['throws', throwing, 'flush_failed', 'the destination "bad": forceFlush failed: it throws'],
    ['rejects', rejecting, 'flush_failed', 'the destination "bad": forceFlush failed: it rejects'],
    ['hangs', hanging, 'flush_timeout', 'the destination "bad": forceFlush did not end within 30 ms'],
  ])('one whose forceFlush %s is named, and the others are flushed', async (_how, forceFlush, code, message) => {
    const next = processor();
    const sessions = await start([
      { name: 'bad', processor: processor({ forceFlush }) },
      { name: 'next', processor: next },
    ]);
    await expect(sessions.forceFlush({ timeoutMillis: 30 })).rejects.toMatchObject({
      code,
      message: `${message} (docs: otel-session-logs/docs/run.md#${code})`,
    });
    expect(next.calls).toEqual(['forceFlush']);
  });

  it.each([
    ['throws', throwing, 'flush_failed', 'the destination "bad": shutdown failed: it throws'],
    ['rejects', rejecting, 'flush_failed', 'the destination "bad": shutdown failed: it rejects'],
    ['hangs', hanging, 'shutdown_timeout', 'the destination "bad": shutdown did not end within 30 ms'],
  ])('one whose shutdown %s is named, and the others are shut down', async (_how, shutdown, code, message) => {
    const next = processor();
    const exporter = new ManualExporter();
    const sessions = await start(
      [
        { name: 'bad', processor: processor({ shutdown }) },
        { name: 'next', processor: next },
      ],
      { exporter },
    );
    await expect(sessions.shutdown({ timeoutMillis: 30 })).rejects.toMatchObject({
      code,
      message: `${message} (docs: otel-session-logs/docs/run.md#${code})`,
    });
    expect([next.calls, exporter.shutdowns]).toEqual([['shutdown'], 1]);
  });

  it('that answer with no promise are flushed and shut down', async () => {
    const calls: string[] = [];
    const synchronous = processor({
      forceFlush: () => void calls.push('forceFlush'),
      shutdown: () => void calls.push('shutdown'),
    });
    const sessions = await start([{ name: 'synchronous', processor: synchronous }]);
    await sessions.forceFlush();
    await sessions.shutdown();
    expect(calls).toEqual(['forceFlush', 'shutdown']);
  });

  it('lose nothing when the shutdown comes during a flush of the batch processor of the SDK', async () => {
    const exporter = new ManualExporter();
    exporter.hold();
    const batch = new line.sdk.BatchLogRecordProcessor({ exporter });
    const sessions = await start([{ name: 'batch', processor: batch }]);
    sessions.logger.info('a');
    const flush = sessions.forceFlush();
    await until(() => exporter.batches.length === 1, 'the first is under way');
    for (const body of ['b', 'c', 'd']) sessions.logger.info(body);
    const shutdown = sessions.shutdown();
    exporter.release();
    await Promise.all([flush, shutdown]);
    expect(exporter.bodies()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('a second OTLP endpoint beside the first: one that is down keeps nothing from the other, and loses nothing', async () => {
    const [first, second] = [await receiving(), await receiving()];
    await second.stop();
    const { OTLPLogExporter } = line.require('@opentelemetry/exporter-logs-otlp-http') as {
      OTLPLogExporter: new (options: object) => ConstructorParameters<typeof DurableLogRecordProcessor>[0]['exporter'];
    };
    const spooled = new DurableLogRecordProcessor({
      exporter: new OTLPLogExporter({ url: second.logsUrl, timeoutMillis: 200 }),
      directory: temporaryDirectory(),
    });
    const sessions = await start([{ name: 'audit', processor: spooled, minimumSeverity: 'error' }], {
      exporter: new OTLPLogExporter({ url: first.logsUrl }),
    });
    sessions.withSession('s', () => {
      sessions.logger.info('to the first');
      sessions.logger.error('to both');
    });
    await first.until(() => first.records().length === 2);
    await second.restart();
    await sessions.forceFlush();
    expect(first.records().map(({ body }) => body)).toEqual(['to the first', 'to both']);
    expect(second.records().map(({ body, attributes }) => [body, attributes['session.id']])).toEqual([
      ['to both', 's'],
    ]);
    expect(sessions.stats().destinations).toEqual({ export: { lost: {} }, audit: { lost: {} } });
    // `flushSession` is about the export.
    expect(await sessions.flushSession('s')).toMatchObject({ pending: 0, deliveredId: expect.any(String) as string });
  });

  it('a session flush is answered by the export, whichever destination gets a record first', async () => {
    const [exporter, other] = [new ManualExporter(), new ManualExporter()];
    exporter.hold();
    const durable = new DurableLogRecordProcessor({ exporter: other, directory: temporaryDirectory() });
    const sessions = await start([{ name: 'other', processor: durable }], {
      exporter,
      minimumSeverity: { export: 'warn' },
    });
    sessions.withSession('s', () => sessions.logger.info('for the other only'));
    sessions.withSession('s', () => sessions.logger.warn('for both'));
    expect(await sessions.flushSession('s', { timeoutMillis: 50 })).toMatchObject({ pending: 1 });
    exporter.release();
    expect(await sessions.flushSession('s')).toMatchObject({ pending: 0 });
  });

  it('a processor of this package keeps its code and its counters', async () => {
    const exporter = new ManualExporter();
    exporter.release(Object.assign(new Error('refused'), { code: 400 }));
    const durable = new DurableLogRecordProcessor({ exporter, directory: temporaryDirectory() });
    const sessions = await start([{ name: 'mine', processor: durable }]);
    sessions.logger.info('nobody takes it');
    const flush = sessions.forceFlush();
    await expect(flush).rejects.toMatchObject({ code: 'rejected', pending: 1 });
    await expect(flush).rejects.toThrow(/^the destination "mine": forceFlush failed: /);
    await durable.shutdown();
    sessions.logger.info('too late');
    expect(sessions.stats()).toMatchObject({
      lost: { after_shutdown: 1 },
      destinations: { mine: { lost: { after_shutdown: 1 } } },
    });
  });

  it.each([
    ['a function that throws', throwing],
    ['no object', () => 5],
    ['an object without numbers', () => ({ lost: { a: 'b', c: Number.NaN } })],
    ['a promise', rejecting],
  ])('counters that are %s are left out', async (_what, stats) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const sessions = await start([{ name: 'odd', processor: Object.assign(processor(), { stats }) }]);
    expect(sessions.stats()).toMatchObject({ lost: {}, destinations: { odd: { lost: {} } } });
    await new Promise(setImmediate);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('names that are fields of every object are names', async () => {
    const made = ['__proto__', 'constructor', 'toString'].map((name) => ({ name, processor: processor() }));
    const sessions = await start(made);
    sessions.logger.info('a');
    expect(made.map((each) => each.processor.bodies)).toEqual([['a'], ['a'], ['a']]);
    expect(Object.keys(sessions.stats().destinations)).toEqual(['__proto__', 'constructor', 'toString']);
  });

  it('the list may be changed once the call has begun', async () => {
    const [one, two] = [processor(), processor()];
    const list: { name: string; processor: LogRecordProcessor }[] = [{ name: 'one', processor: one }];
    const starting = start(list);
    list[0] = { name: 'two', processor: two };
    (await starting).logger.info('a');
    expect([one.bodies, two.bodies]).toEqual([['a'], []]);
  });

  it('a start made again gives the same instance, whatever the processors of the first hold by now', async () => {
    const [one, again] = [processor(), processor()];
    const options = { file: true, directory: temporaryDirectory() };
    const sessions = await start([{ name: 'a', processor: one, minimumSeverity: 9 }], options);
    sessions.logger.info('held');
    expect(await start([{ name: 'a', processor: again, minimumSeverity: 'info' }], options)).toBe(sessions);
    expect(again.calls).toEqual([]);
  });

  it('get no record with OTEL_SDK_DISABLED, and are shut down', async () => {
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    const given = processor();
    const sessions = await start([{ name: 'given', processor: given }]);
    sessions.logger.info('a');
    await sessions.shutdown();
    expect([given.bodies, given.calls]).toEqual([[], ['shutdown']]);
  });

  it('stay open when the start fails: the application may try again with them', async () => {
    const given = processor();
    const taken = new DateFileLogRecordProcessor({ directory: temporaryDirectory() });
    onTestFinished(() => taken.shutdown());
    const file = { directory: taken.directory, file: true };
    await expect(start([{ name: 'given', processor: given }], file)).rejects.toMatchObject({
      code: 'directory_in_use',
    });
    expect(given.calls).toEqual([]);
    const sessions = await start([{ name: 'given', processor: given }]);
    sessions.logger.info('a');
    expect(given.bodies).toEqual(['a']);
  });

  it('the daily file, the console and the export are destinations too', async () => {
    const directory = temporaryDirectory();
    const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => stdout.mockRestore());
    const exporter = new InMemoryLogRecordExporter();
    const sessions = await start([{ name: 'mine', processor: processor() }], {
      directory,
      exporter: exporter as unknown as NonNullable<StartSessionLogsOptions['exporter']>,
      console: 'plain',
      file: true,
    });
    sessions.logger.info('to all');
    await sessions.forceFlush();
    expect(Object.keys(sessions.stats().destinations)).toEqual(['export', 'console', 'file', 'mine']);
    expect([stdout.mock.calls.join(''), bytesBelow(directory)]).toEqual([
      expect.stringContaining('to all'),
      expect.stringContaining('to all'),
    ]);
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['to all']);
  });
});

describe('the option `destinations`', () => {
  const good = processor();

  it.each<[unknown, string]>([
    [{}, 'expected `destinations` to be a list of { name, processor, minimumSeverity }, got an object'],
    [[5], 'expected `destinations.0` to be an object with `name` and `processor`, got 5 (number)'],
    [
      [undefined, { name: 'a', processor: good }],
      'expected `destinations.0` to be an object with `name` and `processor`, got undefined',
    ],
    [[{ processor: good }], 'expected `destinations.0.name` to be a name of 1 to 100 characters, got undefined'],
    [
      [{ name: '', processor: good }],
      'expected `destinations.0.name` to be a name of 1 to 100 characters, got "" (string)',
    ],
    [
      [{ name: 'file', processor: good }],
      'expected `destinations.0.name` to be a name that is not built in, got "file" (string)',
    ],
    [
      [{ name: 'a', processor: { export: () => {}, shutdown: () => {} } }],
      'expected `destinations.0.processor` to be a log record processor (an object with `onEmit()`, `forceFlush()`, `shutdown()`), got an object',
    ],
    [
      [{ name: 'a', processor: good, minimumSeverity: 'warning' }],
      "expected `destinations.0.minimumSeverity` to be 'trace', 'debug', 'info', 'warn', 'error', 'fatal', or a severity number, 0 to 24, got \"warning\" (string)",
    ],
    [
      [{ name: 'a', proccessor: good }],
      'unknown option `destinations.0.proccessor`: did you mean `destinations.0.processor`?',
    ],
    [
      [
        { name: 'a', processor: processor() },
        { name: 'a', processor: processor() },
      ],
      'expected `destinations.1.name` to be a name other than that of destinations.0, got "a" (string)',
    ],
    [
      [
        { name: 'a', processor: good },
        { name: 'b', processor: good },
      ],
      'expected `destinations.1.processor` to be an object other than that of destinations.0, which already gets each record, got an object',
    ],
  ])('%j: says what is wrong', async (destinations, message) => {
    const directory = `${temporaryDirectory()}/none`;
    const starting = startSessionLogs({ directory, destinations: destinations as Destination[] });
    await expect(starting).rejects.toBeInstanceOf(TypeError);
    await expect(starting).rejects.toThrow(`startSessionLogs: ${message} (docs: `);
    expect(existsSync(directory)).toBe(false);
  });
});
