import { describe, expect, it } from 'vitest';

import { seeded } from '../../../test/support/properties.ts';
import { decodeJsonLogs } from '../../src/otlp/json.ts';
import { ProtobufLogsDecoder } from '../../src/otlp/protobuf.ts';
import { canonical, canonicalOf, randomRecord } from '../support/random-records.ts';
import { serialize } from '../support/serializers.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const BATCHES = 60;
const RECORDS = 50;

describe.each(['3.x', '0.2xx'] as const)('what the SDK of the line %s writes', (line) => {
  it.each(['protobuf', 'json'] as const)('is read from %s with nothing changed', (form) => {
    const random = seeded(SEED);
    const decoder = new ProtobufLogsDecoder();
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const sent = Array.from({ length: RECORDS }, () => randomRecord(random));
      const bytes = serialize(line, form, sent);
      const { records, rejected } = form === 'json' ? decodeJsonLogs(bytes.toString()) : decoder.decode(bytes);
      // Exporters group records by resource and scope, so their order may change.
      const expected = sent.map((record) => canonical(form, record)).toSorted();
      expect(records.map((record) => canonicalOf(form, record)).toSorted()).toEqual(expected);
      expect(rejected).toBe(0);
    }
  });
});
