import { createRequire } from 'node:module';

import * as newer from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';

interface Serializer {
  serializeRequest(records: ReadableLogRecord[]): Uint8Array | undefined;
}

interface Serializers {
  readonly ProtobufLogsSerializer: Serializer;
  readonly JsonLogsSerializer: Serializer;
}

const requireOlder = createRequire(new URL('../../../test/lines/sdk-0.2xx/package.json', import.meta.url));

/** What the SDKs of both lines write. */
export const SERIALIZERS: Readonly<Record<'3.x' | '0.2xx', Serializers>> = {
  '3.x': newer,
  '0.2xx': requireOlder('@opentelemetry/otlp-transformer') as Serializers,
};

export function serialize(
  line: keyof typeof SERIALIZERS,
  form: 'protobuf' | 'json',
  records: readonly ReadableLogRecord[],
): Buffer {
  const { ProtobufLogsSerializer, JsonLogsSerializer } = SERIALIZERS[line];
  const bytes = (form === 'json' ? JsonLogsSerializer : ProtobufLogsSerializer).serializeRequest([...records]);
  if (bytes === undefined) throw new Error('the serializer wrote nothing');
  return Buffer.from(bytes);
}
