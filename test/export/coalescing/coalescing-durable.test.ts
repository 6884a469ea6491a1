import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../../src/export/coalescing/coalescing.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import { SessionLogs } from '../../../src/facade/session-logs.ts';
import { startSessionLogs } from '../../../src/start/start-session-logs.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../../support/otlp-receiver.ts';

let receiver: OtlpReceiver;
let directory: string;

beforeEach(async () => {
  receiver = await startOtlpReceiver();
  directory = mkdtempSync(join(tmpdir(), 'coalescing-'));
});

afterEach(async () => {
  await receiver.close();
  rmSync(directory, { recursive: true, force: true });
});

const idOf = (sessions: SessionLogs, message: string): string | undefined =>
  sessions.getAllLogsInQueue().find((entry) => entry.message === message)?.id;

describe('merging in front of the disk spool', () => {
  it('a session flush in mid-answer delivers what is held, and names the last token delivered', async () => {
    const durable = new DurableLogRecordProcessor({
      exporter: new OTLPLogExporter({ url: receiver.logsUrl }),
      directory,
    });
    const provider: LoggerProvider = new LoggerProvider({
      processors: [
        (sessions = new SessionLogs({ loggerProvider: () => provider })).processor,
        new CoalescingLogRecordProcessor({ processor: durable }),
      ],
    });
    const write = (message: string, sessionId = 's'): void => void sessions.logChunkToQueue(message, sessionId);
    write('<start>');
    for (const token of ['a', 'b', 'c']) write(token);
    write('of another', 't');
    expect(receiver.records()).toEqual([]);
    const report = await sessions.flushSession('s');
    expect(report).toEqual({ deliveredId: idOf(sessions, 'c'), pending: 0, rejected: 0, dropped: 0 });
    expect(receiver.records().map(({ body }) => body)).toEqual(['abc']);

    write('d');
    write('</end>');
    const rest = await sessions.flushSession('s');
    expect(rest.deliveredId).toBe(idOf(sessions, '</end>'));
    expect(receiver.records().map(({ body }) => body)).toEqual(['abc', 'd']);
    await provider.shutdown();
    expect(receiver.records().map(({ body }) => body)).toEqual(['abc', 'd', 'of another']);
    await sessions.shutdown();
  });

  it('startSessionLogs({ coalesce, spool }): an answer of 500 tokens is one record, also over an outage', async () => {
    await receiver.stop();
    sessions = await startSessionLogs({
      endpoint: receiver.url,
      file: false,
      console: false,
      streamHandler: false,
      coalesce: true,
      spool: { directory },
    });
    const tokens = Array.from({ length: 500 }, (_, i) => `token${i} `);
    async function* model(): AsyncGenerator<string> {
      yield* tokens;
    }
    for await (const _token of sessions.tap('s', model()));
    await receiver.restart();
    await sessions.forceFlush();
    expect(receiver.records().map(({ body }) => body)).toEqual([tokens.join('')]);
    await sessions.shutdown();
  });

  it("startSessionLogs({ coalesce: { content: 'omit' } }) sends no text", async () => {
    sessions = await startSessionLogs({
      endpoint: receiver.url,
      file: false,
      console: false,
      streamHandler: false,
      coalesce: { content: 'omit' },
    });
    for (const chunk of ['<start>', 'private', '</end>']) await sessions.logChunkToQueue(chunk, 's');
    await sessions.shutdown();
    const [record, ...more] = receiver.records();
    expect(more).toEqual([]);
    expect(record?.attributes).toMatchObject({ 'session.id': 's', 'session_logs.chunk_count': 1 });
    expect(JSON.stringify(receiver.records())).not.toContain('private');
  });
});

let sessions: SessionLogs;
