// Run with `node --expose-gc`: prints, for each kind of record, the bytes that the model counts, and those that the heap holds.
import { PbfWriter } from 'pbf';

import type { LogData } from '../../src/model/log-data.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { decodeJsonLogs } from '../../src/otlp/json.ts';
import { ProtobufLogsDecoder } from '../../src/otlp/protobuf.ts';
import { LineSplitter } from '../../src/sources/line-splitter.ts';
import { LogLineReader } from '../../src/sources/log-line.ts';

/** Records are handed on in requests of so many, or chunks of a file. */
const AT_ONCE = 200;

let scale = 0.01;
const decoder = new ProtobufLogsDecoder();

function byJson(record: (n: number) => object): (from: number) => readonly LogData[] {
  return (from) => {
    const logRecords = Array.from({ length: AT_ONCE }, (_, at) => record(from + at));
    return decodeJsonLogs(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })).records;
  };
}

/** Records with a text alone. */
function byProtobuf(text: (n: number) => string): (from: number) => readonly LogData[] {
  return (from) => {
    const writer = new PbfWriter();
    const each = (n: number, record: PbfWriter): void => {
      record.writeMessage(5, (value, any) => any.writeStringField(1, value), text(n));
    };
    const scope = (_: undefined, inner: PbfWriter): void => {
      for (let at = 0; at < AT_ONCE; at += 1) inner.writeMessage(2, each, from + at);
    };
    writer.writeMessage(1, (_, inner) => inner.writeMessage(2, scope, undefined), undefined);
    return decoder.decode(Buffer.from(writer.finish())).records;
  };
}

function byLines(line: (n: number) => string): (from: number) => readonly LogData[] {
  return (from) => {
    const chunk = Array.from({ length: AT_ONCE }, (_, at) => `${line(from + at)}\n`).join('');
    const reader = new LogLineReader();
    return new LineSplitter(() => {}).take(Buffer.from(chunk)).flatMap((each) => reader.read(each) ?? []);
  };
}

function text(stringValue: string): object {
  return { stringValue };
}

function list<T>(length: number, value: (at: number) => T): T[] {
  return Array.from({ length }, (_, at) => value(at));
}

function attributes(fields: Readonly<Record<string, object>>): object[] {
  return Object.entries(fields).map(([key, value]) => ({ key, value }));
}

const CHUNK = { body: text('tok') };
const SERVICE = { severityNumber: 9 };

/** How many records, and what reads `AT_ONCE` of them out of what comes over the wire. */
type Kind = readonly [count: number, read: (from: number) => readonly LogData[]];

const KINDS: Readonly<Record<string, Kind>> = {
  'chunks of a session': [40_000, byJson(() => CHUNK)],
  'chunks of 13 to 24 characters': [40_000, byProtobuf((n) => `of 20 characters ${n}`.slice(0, 24))],
  logs: [40_000, byJson((n) => ({ ...SERVICE, body: text(`request ${n} was handled`) }))],
  'logs with attributes': [
    20_000,
    byJson((n) => ({
      ...SERVICE,
      attributes: attributes({ method: text('GET'), url: text(`/orders/${n}`), n: { intValue: n } }),
    })),
  ],
  'sessions of one entry': [
    20_000,
    byJson((n) => ({ ...CHUNK, attributes: attributes({ 'session.id': text(`session-${n}`) }) })),
  ],
  'attributes of many names': [
    400,
    byJson((n) => ({ ...SERVICE, attributes: list(200, (at) => ({ key: `${n}.${at}.`, value: text(`v${at}`) })) })),
  ],
  'names that are numbers': [
    10_000,
    byJson((n) => ({ ...SERVICE, attributes: attributes({ 999: { intValue: n }, 700: text('x') }) })),
  ],
  'empty texts': [400, byJson(() => ({ ...SERVICE, body: { arrayValue: { values: list(1_000, () => text('')) } } }))],
  'short texts': [
    400,
    byJson((n) => ({ ...SERVICE, body: { arrayValue: { values: list(300, (at) => text(`${n}.${at}`)) } } })),
  ],
  'empty lists': [
    400,
    byJson(() => ({ ...SERVICE, body: { arrayValue: { values: list(500, () => ({ arrayValue: {} })) } } })),
  ],
  'empty bytes': [
    400,
    byJson(() => ({ ...SERVICE, body: { arrayValue: { values: list(100, () => ({ bytesValue: '' })) } } })),
  ],
  fractions: [
    400,
    byJson((n) => ({
      ...SERVICE,
      body: { kvlistValue: { values: list(100, (at) => ({ key: `k${at}`, value: { doubleValue: n + at / 64 } })) } },
    })),
  ],
  ids: [20_000, byJson((n) => ({ ...SERVICE, traceId: `${n}`.padStart(32, 'a'), spanId: `${n}`.padStart(16, 'b') }))],
  // All that is between them is read with them, and goes.
  'lines of a file with long levels, among others': [
    2_000,
    byLines((n) => (n % 5 === 0 ? `2026-11-23T10:00:00.000Z NOTICE-TO-SUPPLIERS-${n} [abc] m` : 'x'.repeat(2_000))),
  ],
};

/** The heap once collections make it no smaller. */
async function heap(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; ; n += 1) {
    await new Promise(setImmediate);
    globalThis.gc?.();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const bytes = heapUsed + external + arrayBuffers;
    if (n >= 4 && bytes > least - 64 * 1024) return bytes;
    least = Math.min(least, bytes);
  }
}

function fill(model: SessionModel, [count, read]: Kind): void {
  const source = model.addSource('test', 'otlp');
  for (let from = 0; from < count * scale; from += AT_ONCE) for (const data of read(from)) model.add(data, { source });
}

async function measure(kind: Kind): Promise<{ readonly counted: number; readonly held: number }> {
  const before = await heap();
  const model = new SessionModel();
  fill(model, kind);
  const held = (await heap()) - before;
  return { counted: model.bytes, held };
}

// Compiles, and fills caches, before anything is measured.
for (const kind of Object.values(KINDS)) fill(new SessionModel(), kind);
scale = 1;
const results: Record<string, object> = {};
for (const [name, kind] of Object.entries(KINDS)) results[name] = await measure(kind);
console.log(JSON.stringify(results));
