import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import { SessionLogs } from '../../../src/facade/session-logs.ts';
import type { LogRecordExporter, LogRecordProcessor } from '../../../src/otel/log-record.ts';
import type { OtelLoggerProvider } from '../../../src/otel/logs-api.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { ScriptedExporter } from '../../support/scripted-exporter.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const LINES = {
  '3.x': createRequire(import.meta.url),
  '0.2xx': createRequire(new URL('../../lines/sdk-0.2xx/package.json', import.meta.url)),
} as const;

describe.each(['3.x', '0.2xx'] as const)('on the %s line', (line) => {
  function makeProvider(...processors: LogRecordProcessor[]): OtelLoggerProvider {
    const { LoggerProvider } = LINES[line]('@opentelemetry/sdk-logs') as {
      LoggerProvider: new (options: { processors: LogRecordProcessor[] }) => OtelLoggerProvider;
    };
    return new LoggerProvider({ processors });
  }

  test('sessions.flushSession tells up to which entry a session has reached the collector', async () => {
    const receiver = await startOtlpReceiver();
    const { OTLPLogExporter } = LINES[line]('@opentelemetry/exporter-logs-otlp-http') as {
      OTLPLogExporter: new (options: object) => LogRecordExporter;
    };
    const exporter = new OTLPLogExporter({ url: receiver.logsUrl, timeoutMillis: 500 });
    const directory = join(temporaryDirectory(), 'spool');
    const durable = new DurableLogRecordProcessor({
      exporter,
      directory,
      scheduledDelayMillis: 10,
      shutdownTimeoutMillis: 100,
    });
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const provider = makeProvider(sessions.processor, durable);
    onTestFinished(async () => {
      await durable.shutdown();
      await receiver.close();
    });
    await sessions.logChunkToQueue('one', 'a');
    await sessions.logChunkToQueue('other', 'b');
    await sessions.logChunkToQueue('two', 'a');
    const ids = sessions.getAllLogsInQueue({ sessionId: 'a' }).map((entry) => entry.id);
    expect(await sessions.flushSession('a')).toStrictEqual({
      deliveredId: ids[1],
      pending: 0,
      rejected: 0,
      dropped: 0,
    });
    expect(receiver.records().map((record) => [record.body, record.attributes['session.id']])).toStrictEqual([
      ['one', 'a'],
      ['other', 'b'],
      ['two', 'a'],
    ]);
    receiver.answer({ status: 503 });
    await sessions.logChunkToQueue('three', 'a');
    expect(await sessions.flushSession('a', { timeoutMillis: 100 })).toStrictEqual({
      deliveredId: ids[1],
      pending: 1,
      rejected: 0,
      dropped: 0,
    });
    receiver.answer('ok');
    const [last] = sessions.getAllLogsInQueue({ sessionId: 'a', limit: 1 });
    expect(await sessions.flushSession('a')).toMatchObject({ deliveredId: last?.id, pending: 0 });
  });

  test('a stuck exporter delays neither the daily file nor any reader', async () => {
    const base = temporaryDirectory();
    const exporter = new ScriptedExporter(() => 'hang');
    const durable = new DurableLogRecordProcessor({
      exporter,
      directory: join(base, 'spool'),
      scheduledDelayMillis: 1,
      shutdownTimeoutMillis: 50,
    });
    const file = new DateFileLogRecordProcessor({ directory: join(base, 'logs') });
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const provider = makeProvider(sessions.processor, durable, file);
    onTestFinished(async () => {
      await durable.shutdown();
      await file.shutdown();
    });
    const read: string[] = [];
    const reading = (async () => {
      for await (const chunk of sessions.getSessionLogs('a')) read.push(chunk);
    })();
    for (let i = 0; i < 200; i += 1) await sessions.logChunkToQueue(`chunk ${i}`, 'a');
    sessions.endSession('a');
    await reading;
    await until(() => exporter.calls.length === 1, 'the export');
    expect(read).toHaveLength(200);
    await file.forceFlush();
    const [name] = readdirSync(join(base, 'logs')) as [string];
    expect(
      readFileSync(join(base, 'logs', name), 'utf8')
        .trimEnd()
        .split('\n'),
    ).toHaveLength(200);
    expect(durable.stats().pending.own).toBe(200);
  });
});
