import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as OTLPProtoExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { afterEach, describe, expect, it } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../../src/export/coalescing/coalescing.ts';
import { SessionLogs } from '../../../src/facade/session-logs.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../../support/otlp-receiver.ts';

const TOKENS = Array.from({ length: 500 }, (_, i) => (i % 50 === 0 ? '😀\r\n' : ` token${i}`));
const ANSWER = TOKENS.join('');

let receiver: OtlpReceiver;

afterEach(() => receiver.close());

describe.each([
  ['JSON', OTLPLogExporter],
  ['protobuf', OTLPProtoExporter],
])('an answer of 500 tokens at a real receiver, OTLP/HTTP %s', (_, Exporter) => {
  it('is one record whose text is the tokens joined, while readers get each token', async () => {
    receiver = await startOtlpReceiver();
    const provider: LoggerProvider = new LoggerProvider({
      processors: [
        (sessions = new SessionLogs({ loggerProvider: () => provider })).processor,
        new CoalescingLogRecordProcessor({
          processor: new BatchLogRecordProcessor({ exporter: new Exporter({ url: receiver.logsUrl }) }),
        }),
      ],
    });
    async function* model(): AsyncGenerator<string> {
      for (const token of TOKENS) yield token;
    }
    const read: string[] = [];
    for await (const token of sessions.tap('abc123', model())) read.push(token);
    sessions.logger.info('answered');
    await provider.forceFlush();

    expect(read).toEqual(TOKENS);
    expect(sessions.getAllLogsInQueue({ sessionId: 'abc123' })).toHaveLength(502);
    const records = receiver.records();
    expect(records.map(({ body }) => body)).toEqual([ANSWER, 'answered']);
    const [merged] = records;
    expect(merged?.attributes).toMatchObject({
      'session.id': 'abc123',
      'session_logs.chunk_count': 500,
      'gen_ai.request.stream': true,
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
    });
    expect(merged?.scope.name).toBe(records[1]?.scope.name);
    expect(BigInt(merged?.observedTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(BigInt(merged?.timeUnixNano ?? 1));
    await provider.shutdown();
    await sessions.shutdown();
  });
});

let sessions: SessionLogs;

describe('against the same answer without merging', () => {
  it('the wire carries less than a fiftieth of what 500 records cost beside their text', async () => {
    receiver = await startOtlpReceiver();
    const bytesOf = async (isCoalescing: boolean): Promise<number> => {
      const before = receiver.requests.reduce((sum, { bytes }) => sum + bytes, 0);
      const batch = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: receiver.logsUrl }) });
      const own: LoggerProvider = new LoggerProvider({
        processors: [
          (sessions = new SessionLogs({ loggerProvider: () => own })).processor,
          isCoalescing ? new CoalescingLogRecordProcessor({ processor: batch }) : batch,
        ],
      });
      for (const token of TOKENS) void sessions.logChunkToQueue(token, 'abc123');
      await own.shutdown();
      await sessions.shutdown();
      return receiver.requests.reduce((sum, { bytes }) => sum + bytes, 0) - before;
    };
    const text = Buffer.byteLength(JSON.stringify(ANSWER));
    const plain = await bytesOf(false);
    const merged = await bytesOf(true);
    expect(receiver.records()).toHaveLength(501);
    // The text itself has to cross the wire in either form.
    expect(merged - text).toBeLessThan((plain - text) / 50);
  });
});
