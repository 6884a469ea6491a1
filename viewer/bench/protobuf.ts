/**
 * How many records of OTLP protobuf are decoded in a CPU-second. In one run, these take turns: this package's decoder over `pbf`;
 * protobufjs with the .proto loaded at run time and `toObject`, as otel-gui does it; `@bufbuild/protobuf` over the same
 * descriptors.
 *
 *     npm run bench:protobuf --workspace viewer [-- SECONDS --write]
 */
import { fileURLToPath } from 'node:url';

import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import type { DescMessage } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';

import { keepFigures } from '../../bench/docs-data.ts';
import { ProtobufLogsDecoder } from '../src/otlp/protobuf.ts';
import { isWritten, keepMeasured, numbers } from './support/arguments.ts';
import { BENCH_BATCHES } from './batches.ts';

const PROTO = fileURLToPath(new URL('proto/', import.meta.url));
const SERVICE = 'opentelemetry/proto/collector/logs/v1/logs_service.proto';
const REQUEST = 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest';

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (target.startsWith('opentelemetry/') ? PROTO + target : target);
await root.load(SERVICE);
const type = root.lookupType(REQUEST);

function idsToHex(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) return value.forEach(idsToHex);
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    if ((key === 'traceId' || key === 'spanId') && typeof field === 'string') {
      fields[key] = Buffer.from(field, 'base64').toString('hex');
    } else if (typeof field === 'object') idsToHex(field);
  }
}

const TO_OBJECT = {
  longs: String,
  enums: Number,
  bytes: String,
  defaults: false,
  arrays: true,
  objects: true,
  oneofs: true,
};

/** The schema for `@bufbuild/protobuf`, from the descriptors that protobufjs makes of the same files. */
function bufbuildSchema(): DescMessage {
  root.resolveAll();
  const made = (root as unknown as { toDescriptor(edition: string): protobuf.Message }).toDescriptor('proto3');
  const { FileDescriptorSet } = descriptor as unknown as { readonly FileDescriptorSet: protobuf.Type };
  const set = fromBinary(FileDescriptorSetSchema, FileDescriptorSet.encode(made).finish());
  const names = set.file.flatMap((file) =>
    [...file.messageType, ...file.enumType].map(({ name }) => [name, `.${file.package}.${name}`] as const),
  );
  const fullNames = new Map(names);
  // protobufjs writes the names of types relative to where they are used.
  for (const file of set.file) {
    for (const field of file.messageType.flatMap((message) => message.field)) {
      const last = field.typeName.split('.').at(-1) ?? '';
      if (last !== '') field.typeName = fullNames.get(last) ?? field.typeName;
    }
  }
  // A file must come after those that it imports.
  const order = ['common', 'resource', 'proto.logs', 'collector'];
  set.file.sort((a, b) => placeOf(a.package, order) - placeOf(b.package, order));
  const schema = createFileRegistry(set).getMessage(REQUEST);
  if (schema === undefined) throw new Error('the descriptors do not have the request');
  return schema;
}

function placeOf(name: string, order: readonly string[]): number {
  return order.findIndex((part) => name.includes(part));
}

const schema = bufbuildSchema();
const decoder = new ProtobufLogsDecoder();
/** By the row of ARCHITECTURE.md. */
const CONTESTANTS = {
  'this decoder': (bytes: Buffer): unknown => decoder.decode(bytes),
  '`@bufbuild/protobuf`': (bytes: Buffer): unknown => fromBinary(schema, bytes),
  'protobufjs, `.proto` at run time, `decode` alone': (bytes: Buffer): unknown => type.decode(bytes),
  'the same with `toObject`, as otel-gui does it': (bytes: Buffer): unknown => {
    const object = type.toObject(type.decode(bytes), TO_OBJECT);
    idsToHex(object);
    return object;
  },
} as const;

function inThousands(rate: number): string {
  return `${Math.round(rate / 1_000).toLocaleString('en')},000`;
}

const [seconds = 3] = numbers;
const measured: string[] = [];
for (const { name, records } of BENCH_BATCHES) {
  const bytes = Buffer.from(ProtobufLogsSerializer.serializeRequest([...records]) as Uint8Array);
  const spent = new Map(Object.keys(CONTESTANTS).map((contestant) => [contestant, { micros: 0, records: 0 }]));
  for (let round = 0; round < 10; round += 1) {
    for (const [contestant, decode] of Object.entries(CONTESTANTS)) {
      const total = spent.get(contestant) as { micros: number; records: number };
      const start = process.cpuUsage();
      const end = performance.now() + seconds * 100;
      while (performance.now() < end) {
        decode(bytes);
        if (round > 0) total.records += records.length;
      }
      const { user, system } = process.cpuUsage(start);
      // The first round warms up.
      if (round > 0) total.micros += user + system;
    }
  }
  console.log(`${name}: ${records.length} records, ${bytes.length} bytes`);
  const rates = Object.fromEntries([...spent].map(([of, total]) => [of, (total.records / total.micros) * 1e6]));
  const ours = rates['this decoder'] ?? Number.NaN;
  for (const [contestant, rate] of Object.entries(rates)) {
    const perSecond = Math.round(rate).toLocaleString('en').padStart(11);
    console.log(`  ${perSecond} records per CPU-second  ${(ours / rate).toFixed(2)}  ${contestant}`);
    if (isWritten) keepFigures('decoders.json', contestant, { [name]: inThousands(rate) });
  }
  const otelGui = rates['the same with `toObject`, as otel-gui does it'] ?? Number.NaN;
  measured.push(`${name}: ${inThousands(ours)}; protobufjs with the .proto at run time: ${inThousands(otelGui)}`);
}
keepMeasured('records per CPU-second of the receiver, compared with other libraries', measured.join('. '));
