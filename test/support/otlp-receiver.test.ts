import { createRequire } from 'node:module';

import { SeverityNumber } from '@opentelemetry/api';
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, test } from 'vitest';

import { startOtlpReceiver } from './otlp-receiver.ts';
import type { OtlpReceiver } from './otlp-receiver.ts';

const older = createRequire(new URL('../lines/sdk-0.2xx/package.json', import.meta.url));

let receiver: OtlpReceiver;
afterEach(() => receiver.close());

describe.each([
  ['JSON', () => new JsonExporter({ url: receiver.logsUrl })],
  ['protobuf', () => new ProtobufExporter({ url: receiver.logsUrl })],
  [
    'gzipped JSON of the older line',
    () => {
      const { OTLPLogExporter } = older('@opentelemetry/exporter-logs-otlp-http') as {
        OTLPLogExporter: typeof JsonExporter;
      };
      return new OTLPLogExporter({ url: receiver.logsUrl, compression: 'gzip' as never });
    },
  ],
])('%s', (_name, makeExporter) => {
  test('a record arrives with every field', async () => {
    receiver = await startOtlpReceiver();
    const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: makeExporter() })] });
    provider.getLogger('scope', '1.2').emit({
      body: { text: 'hello', list: [1, 2.5, true, 'x'], bytes: new Uint8Array([1, 2]) },
      attributes: { 'session.id': 's', n: 7 },
      severityNumber: SeverityNumber.INFO,
      severityText: 'INFO',
      eventName: 'e',
      timestamp: [1_700_000_000, 123_456_789],
    });
    await receiver.until(() => receiver.records().length === 1);
    expect(receiver.records()).toMatchObject([
      {
        body: { text: 'hello', list: [1, 2.5, true, 'x'], bytes: Buffer.from([1, 2]) },
        attributes: { 'session.id': 's', n: 7 },
        scope: { name: 'scope', version: '1.2' },
        severityNumber: 9,
        severityText: 'INFO',
        eventName: 'e',
        timeUnixNano: '1700000000123456789',
      },
    ]);
    await provider.shutdown();
  });
});
