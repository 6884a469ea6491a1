import { deflateSync, gzipSync } from 'node:zlib';

import { PbfReader, PbfWriter } from 'pbf';
import { describe, expect, it } from 'vitest';

import { seeded } from '../../../test/support/properties.ts';
import { MAX_BODY_BYTES } from '../../src/receive/request-body.ts';
import { ask, postLogs, startServer } from '../support/dev-server.ts';
import { randomRecord } from '../support/random-records.ts';
import { serialize } from '../support/serializers.ts';

const random = seeded(3);
const RECORDS = Array.from({ length: 20 }, () => randomRecord(random));
const PROTOBUF = serialize('3.x', 'protobuf', RECORDS);
const JSON_TEXT = serialize('3.x', 'json', RECORDS).toString();

function logs(...logRecords: unknown[]): string {
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

/** The code and message of a `google.rpc.Status`. */
function status(bytes: Uint8Array): { code: number; message: string } {
  return new PbfReader(bytes).readFields(
    (tag, result, pbf) => {
      if (tag === 1) result.code = pbf.readVarint();
      if (tag === 2) result.message = pbf.readString();
    },
    { code: 0, message: '' },
  );
}

describe('the receiver', () => {
  it.each([
    ['protobuf', PROTOBUF, {}],
    ['protobuf, gzip', gzipSync(PROTOBUF), { 'content-encoding': 'gzip' }],
    ['JSON', JSON_TEXT, {}],
    ['JSON, gzip', gzipSync(JSON_TEXT), { 'content-encoding': 'gzip', 'content-type': 'application/json' }],
    ['JSON with a charset', JSON_TEXT, { 'content-type': 'application/json; charset=utf-8' }],
  ])('takes %s and answers 200 in the form of the request', async (_, body, headers: Record<string, string>) => {
    const server = await startServer();
    const got = await postLogs(server, body, headers);
    expect(got.status).toBe(200);
    expect(server.model.entries).toBe(RECORDS.length);
    const isJson = (headers['content-type'] ?? (typeof body === 'string' ? 'application/json' : '')).startsWith(
      'application/json',
    );
    expect(got.headers['content-type']).toBe(isJson ? 'application/json' : 'application/x-protobuf');
    expect(got.text).toBe(isJson ? '{}' : '');
  });

  it.each(['/v1/traces', '/v1/metrics'])('answers 200 to %s and ignores what it says', async (path) => {
    const server = await startServer();
    const headers = { 'content-type': 'application/x-protobuf' };
    const got = await ask(server.endpoint + path, { method: 'POST', body: Buffer.from('whatever'), headers });
    expect([got.status, got.text]).toEqual([200, '']);
    expect(server.model.entries).toBe(0);
  });

  it.each([
    ['no content-type that OTLP has', 415, 'x', { 'content-type': 'text/plain' }],
    ['an encoding that is not known', 415, deflateSync(PROTOBUF), { 'content-encoding': 'deflate' }],
    ['bytes that are not gzip', 400, PROTOBUF, { 'content-encoding': 'gzip' }],
    ['gzip that is cut', 400, gzipSync(PROTOBUF).subarray(0, -12), { 'content-encoding': 'gzip' }],
    ['text that is not JSON', 400, '{"resourceLogs": [', {}],
    ['JSON that is a list', 400, '[]', {}],
    ['JSON with a text for a list', 400, '{"resourceLogs":[{"scopeLogs":"x"}]}', {}],
    ['a gzip bomb', 413, gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1)), { 'content-encoding': 'gzip' }],
    ['a body that says it is too long', 413, '{}', { 'content-length': String(MAX_BODY_BYTES + 1) }],
  ])('refuses %s with %i and takes nothing', async (_, expected, body, headers: Record<string, string>) => {
    const server = await startServer();
    const got = await postLogs(server, body, headers);
    expect(got.status).toBe(expected);
    expect(server.model.entries).toBe(0);
    expect(await ask(`${server.endpoint}/api/state`)).toMatchObject({ status: 200 });
  });

  it('refuses a body without a length that becomes too long on its way', async () => {
    const server = await startServer();
    const body = Buffer.alloc(MAX_BODY_BYTES + 1024 * 1024, 0x20);
    const got = await postLogs(server, body, { 'transfer-encoding': 'chunked' });
    expect(got.status).toBe(413);
  });

  it('says why in the form of the request', async () => {
    const server = await startServer();
    const json = await postLogs(server, '{');
    expect(JSON.parse(json.text)).toEqual({ code: 3, message: 'not an OTLP logs request: the body is not JSON' });
    const protobuf = await postLogs(server, Uint8Array.of(0x0a, 0x7f));
    expect(protobuf.headers['content-type']).toBe('application/x-protobuf');
    expect(status(protobuf.body)).toEqual({
      code: 3,
      message: 'not an OTLP logs request: a field reaches beyond its message',
    });
  });

  it('takes the records of a request, and says how many others it rejected', async () => {
    const server = await startServer();
    const got = await postLogs(server, logs({ body: { stringValue: 'taken' } }, 'none', 5));
    expect(got.status).toBe(200);
    expect(JSON.parse(got.text)).toMatchObject({ partialSuccess: { rejectedLogRecords: '2' } });
    expect(server.model.entries).toBe(1);
  });

  it('takes as many records of a request as it can hold, and says how many it rejected', async () => {
    const server = await startServer();
    const writer = new PbfWriter();
    // 200,000 empty records of two bytes.
    const records = Buffer.alloc(400_000, Uint8Array.of(0x12, 0));
    writer.writeMessage(
      1,
      (_, group) => group.writeMessage(2, (__, scope) => scopeBytes(scope, records), undefined),
      undefined,
    );
    const got = await postLogs(server, Buffer.from(writer.finish()));
    expect(got.status).toBe(200);
    expect(server.model.entries).toBe(100_000);
    const partial = new PbfReader(got.body).readFields(
      (tag, result, pbf) => {
        if (tag === 1)
          pbf.readMessage((inner) => void (inner === 1 ? (result.rejected = pbf.readVarint()) : 0), undefined);
      },
      { rejected: 0 },
    );
    expect(partial.rejected).toBe(100_000);
  });

  it.each(['GET', 'PUT', 'OPTIONS'])('answers 405 to %s', async (method) => {
    const server = await startServer();
    const got = await ask(`${server.endpoint}/v1/logs`, { method });
    expect([got.status, got.headers.allow]).toEqual([405, 'POST']);
  });

  it('takes or refuses a protobuf that is cut anywhere, and nothing else happens', async () => {
    const server = await startServer();
    const statuses = new Set<number>();
    for (let length = 0; length < 600; length += 1) {
      statuses.add((await postLogs(server, PROTOBUF.subarray(0, length))).status);
    }
    expect([...statuses].toSorted((a, b) => a - b)).toEqual([200, 400]);
  });

  it('takes or refuses any bytes, and nothing else happens', async () => {
    const server = await startServer();
    for (let round = 0; round < 300; round += 1) {
      const bytes = Buffer.from(PROTOBUF.subarray(0, 2_000));
      for (let change = 0; change < 3; change += 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      expect([200, 400]).toContain((await postLogs(server, bytes)).status);
    }
  });
});

function scopeBytes(writer: PbfWriter, records: Uint8Array): void {
  writer.realloc(records.length);
  writer.buf.set(records, writer.pos);
  writer.pos += records.length;
}
