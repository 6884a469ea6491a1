import { describe, expect, it } from 'vitest';

import { PbfWriter } from 'pbf';

import type { EntryDetail, ListEvent } from '../src/serve/protocol.ts';
import { ask, askJson, postLogs, startServer } from './support/dev-server.ts';
import { PageEvents } from './support/page-events.ts';

const SCRIPT = '<script>alert(1)</script>"\'&\u2028\u0000\n\r\nevent: forged\ndata: {}\n\n';

function keyValue(key: string, value: object): object {
  return { key, value };
}

function text(stringValue: string): object {
  return { stringValue };
}

function request(record: object, resource: object = {}, scope: object = {}): string {
  return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [record] }] }] });
}

describe('a hostile application', () => {
  it('gets no markup, and no event of its own, out of any field', async () => {
    const server = await startServer();
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=${encodeURIComponent(`s:${SCRIPT}`)}`);
    await page.until(() => page.named('list').length > 0);
    const field = text(SCRIPT);
    const attributes = [keyValue('session.id', field), keyValue(SCRIPT, field), keyValue('exception.type', field)];
    const resource = { attributes: [keyValue('service.name', field), keyValue(SCRIPT, field)] };
    const record = {
      body: field,
      severityNumber: 9,
      severityText: SCRIPT,
      eventName: SCRIPT,
      attributes,
      traceId: SCRIPT,
      spanId: SCRIPT,
    };
    expect((await postLogs(server, request(record, resource, { name: SCRIPT, version: SCRIPT }))).status).toBe(200);
    await page.until(
      () => page.texts(`s:${SCRIPT}`).length === 1 && page.named<ListEvent>('list').at(-1)?.rows.length === 1,
    );
    expect(page.texts(`s:${SCRIPT}`)).toEqual([SCRIPT]);
    expect(page.events.map(({ event }) => event)).not.toContain('forged');
    const key = encodeURIComponent(`s:${SCRIPT}`);
    const seq = server.model.find(SCRIPT)?.entries[0]?.seq ?? 0;
    for (const path of [
      `entry?session=${key}&seq=${seq}`,
      'sessions',
      'search?q=alert',
      'state',
      `blocks?session=${key}`,
    ]) {
      const { status, headers } = await ask(`${server.endpoint}/api/${path}`);
      expect([path, status, headers['content-type'], headers['x-content-type-options']]).toEqual([
        path,
        200,
        'application/json; charset=utf-8',
        'nosniff',
      ]);
    }
    const exported = await ask(`${server.endpoint}/api/export?session=${key}`);
    expect(exported.headers['content-disposition']).toMatch(/^attachment; filename="[\w.-]+"$/);
    const entry = await askJson<EntryDetail>(`${server.endpoint}/api/entry?session=${key}&seq=${seq}`);
    expect(entry).toMatchObject({ text: SCRIPT, severityText: SCRIPT, traceId: '', exception: { type: SCRIPT } });
  });

  it('may send a log of 10 MB, which is cut where it is kept, and cut again in a conversation', async () => {
    const server = await startServer();
    const body = text('x'.repeat(10_000_000));
    const record = { severityNumber: 9, body, attributes: [keyValue('session.id', text('abc'))] };
    expect((await postLogs(server, request(record))).status).toBe(200);
    const kept = server.model.find('abc')?.entries[0]?.text ?? '';
    expect(kept.length).toBeLessThan(1_100_000);
    expect(kept.endsWith('... [Truncated]')).toBe(true);
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc`);
    await page.until(() => page.texts('s:abc').length === 1);
    expect(page.texts('s:abc')[0]?.length).toBeLessThan(70_000);
  });

  it('may send a million attributes, of which 1,024 are kept and the rest is counted', async () => {
    const server = await startServer();
    const writer = new PbfWriter();
    for (let at = 0; at < 1_000_000; at += 1) {
      // LogRecord.attributes: a KeyValue with its key, and without a value.
      writer.writeMessage(6, (key, inner) => inner.writeStringField(1, key), `key.${at}`);
    }
    let bytes = Buffer.concat([keyValueBytes('session.id', 'abc'), writer.finish()]);
    for (const field of [2, 2, 1]) bytes = Buffer.from(wrapped(field, bytes));
    expect((await postLogs(server, bytes)).status).toBe(200);
    const { attributes, droppedAttributes } = server.model.find('abc')?.entries[0]?.data ?? {};
    expect(Object.keys(attributes ?? {}).length).toBe(1_024);
    expect(droppedAttributes).toBe(1_000_001 - 1_024);
  });

  it('may nest values without an end, which are kept down to a depth, in JSON and in protobuf', async () => {
    const server = await startServer();
    const depth = 100_000;
    const json = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${'{"arrayValue":{"values":['.repeat(depth)}${']}}'.repeat(depth)}}]}]}]}`;
    expect((await postLogs(server, json)).status).toBe(200);
    // From the inside out: AnyValue { array_value { values } }.
    let value: Uint8Array = new Uint8Array(0);
    for (let at = 0; at < 2_000; at += 1) value = wrapped(5, wrapped(1, value));
    for (const field of [5, 2, 2, 1]) value = wrapped(field, value);
    expect((await postLogs(server, value)).status).toBe(200);
    const bodies = [...server.model.sessions.values()].flatMap(({ entries }) => entries.map(({ text }) => text));
    expect(bodies.length).toBe(2);
    for (const body of bodies) expect(body).toMatch(/^\[+"\[Truncated\]"\]+$/);
  });

  it('may begin any number of sessions, of which the viewer holds a bounded number', async () => {
    const server = await startServer({ maxSessions: 1_000 });
    for (let round = 0; round < 10; round += 1) {
      const logRecords = Array.from({ length: 1_000 }, (_, at) => ({
        attributes: [keyValue('session.id', text(`${round}-${at}`))],
      }));
      await postLogs(server, JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }));
    }
    expect(server.model.sessions.size).toBeLessThanOrEqual(1_000);
    expect(server.model.evicted.sessions).toBe(10_000 - server.model.sessions.size);
  });

  it('may use ids that are the names of properties of every object', async () => {
    const server = await startServer();
    for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      await postLogs(
        server,
        request({ body: text('a'), attributes: [keyValue('session.id', text(id)), keyValue('__proto__', text('b'))] }),
      );
      const entry = await askJson<EntryDetail>(
        `${server.endpoint}/api/entry?session=s:${id}&seq=${server.model.cursor}`,
      );
      expect(Object.entries(entry.attributes as object)).toContainEqual(['__proto__', 'b']);
    }
  });

  it('gets no file of the machine by a path', async () => {
    const server = await startServer();
    for (const path of [
      '/../package.json',
      '/..%2f..%2fpackage.json',
      '/%2e%2e/package.json',
      '//etc/passwd',
      '/api/../../etc/passwd',
    ]) {
      expect((await ask(server.endpoint + path)).status).toBe(404);
    }
  });
});

/** An attribute of a record. */
function keyValueBytes(key: string, value: string): Uint8Array {
  const writer = new PbfWriter();
  writer.writeStringField(1, key);
  writer.writeMessage(2, (inner, any) => any.writeStringField(1, inner), value);
  return wrapped(6, writer.finish());
}

function wrapped(field: number, bytes: Uint8Array): Uint8Array {
  const writer = new PbfWriter();
  writer.writeTag(field, 2);
  writer.writeBytes(bytes);
  return writer.finish();
}
