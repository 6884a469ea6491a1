/**
 * Reads back random records that the SDKs of both lines write, in protobuf and JSON, until the number is reached. Fails if records
 * have changed, and prints the first three of them.
 *
 *     npx tsx viewer/soak/otlp.ts [records, 1000000] [seed]
 */
import { seeded } from '../../test/support/properties.ts';
import { decodeJsonLogs } from '../src/otlp/json.ts';
import { ProtobufLogsDecoder } from '../src/otlp/protobuf.ts';
import { canonical, canonicalOf, randomRecord } from '../test/support/random-records.ts';
import { serialize } from '../test/support/serializers.ts';

const total = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const random = seeded(seed);
const decoder = new ProtobufLogsDecoder();
const forms = ['protobuf', 'json'] as const;
const lines = ['3.x', '0.2xx'] as const;

let [read, wrong] = [0, 0];
console.log(`seed ${seed}`);
while (read < total) {
  for (const line of lines) {
    for (const form of forms) {
      const sent = Array.from({ length: 200 }, () => randomRecord(random));
      const bytes = serialize(line, form, sent);
      const { records } = form === 'json' ? decodeJsonLogs(bytes.toString()) : decoder.decode(bytes);
      const expected = sent.map((record) => canonical(form, record)).toSorted();
      const received = records.map((record) => canonicalOf(form, record)).toSorted();
      for (let at = 0; at < expected.length; at += 1) {
        if (expected[at] === received[at]) continue;
        wrong += 1;
        if (wrong <= 3) console.log(`${line} ${form}\nsent     ${expected[at]}\nreceived ${received[at]}`);
      }
      read += expected.length;
    }
  }
}
console.log(`${wrong} wrong of ${read} records`);
process.exitCode = wrong === 0 ? 0 : 1;
