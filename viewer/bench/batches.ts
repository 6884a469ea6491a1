import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';

const RESOURCE = resourceFromAttributes({
  'service.name': 'shop',
  'service.version': '1.4.2',
  'telemetry.sdk.language': 'nodejs',
  'host.name': 'web-1',
});

function record(index: number, fields: Partial<ReadableLogRecord>): ReadableLogRecord {
  return {
    hrTime: [1_790_000_000 + index, 123_456_789],
    hrTimeObserved: [1_790_000_000 + index, 223_456_789],
    resource: RESOURCE,
    instrumentationScope: { name: 'app', version: '1.0.0' },
    attributes: {},
    droppedAttributesCount: 0,
    ...fields,
  };
}

function records(make: (index: number) => Partial<ReadableLogRecord>): ReadableLogRecord[] {
  return Array.from({ length: 512 }, (_, index) => record(index, make(index)));
}

/** Batches as exporters send them: 512 records, the default of the SDKs. */
export const BENCH_BATCHES: readonly { readonly name: string; readonly records: readonly ReadableLogRecord[] }[] = [
  {
    name: 'chunks of answers',
    records: records((index) => ({
      body: ` token${index % 50}`,
      attributes: { 'session.id': `session-${index % 20}` },
    })),
  },
  {
    name: 'leveled logs',
    records: records((index) => ({
      body: `order ${index} was sent to the warehouse in ${index * 3} ms`,
      severityNumber: 9,
      severityText: 'INFO',
      attributes: {
        'session.id': `session-${index % 20}`,
        'order.id': index,
        'http.request.method': 'POST',
        'url.path': `/orders/${index}`,
        retry: index % 2 === 0,
        ratio: index / 7,
      },
      spanContext: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 },
    })),
  },
];
