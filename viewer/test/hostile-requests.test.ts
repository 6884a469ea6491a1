import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { DevServer } from '../src/dev/dev-server.ts';
import type { StateEvent } from '../src/serve/protocol.ts';
import { ask, askJson, postLogs, startServer } from './support/dev-server.ts';
import { PageEvents } from './support/page-events.ts';

const RECORD = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}';

/** A connection that has sent this much, and sends no more. */
async function opened(server: DevServer, text: string): Promise<Socket> {
  const { hostname, port } = new URL(server.endpoint);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {
    // The server may reset it.
  });
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

function logsHead(server: DevServer, length: number): string {
  const { host } = new URL(server.endpoint);
  return `POST /v1/logs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
}

describe('while hostile clients hold connections, others are answered:', () => {
  it.each([
    ['bodies that never end', (server: DevServer) => `${logsHead(server, 32 * 1024 * 1024)}{"resourceLogs":[`],
    ['headers that never end', () => 'POST /v1/logs HTTP/1.1\r\nhost: localh'],
    ['nothing sent at all', () => ''],
  ])('%s', async (_, text) => {
    const server = await startServer();
    const page = PageEvents.open(`${server.endpoint}/api/stream`);
    await Promise.all(Array.from({ length: 200 }, () => opened(server, text(server))));
    // The server has read what was sent when it answers what came later.
    expect((await ask(`${server.endpoint}/api/state`)).status).toBe(200);
    expect((await postLogs(server, RECORD)).status).toBe(200);
    await page.until(() => page.named<StateEvent>('state').at(-1)?.entries === 1);
  });

  it('100,000 records of as many sessions in a request', async () => {
    const server = await startServer();
    const records = Array.from(
      { length: 100_000 },
      (_, at) => `{"attributes":[{"key":"session.id","value":{"intValue":"${at}"}}]}`,
    );
    const posted = postLogs(server, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${records.join(',')}]}]}]}`);
    const seen = new Set<number>();
    while (server.model.entries < records.length) {
      seen.add((await askJson<StateEvent>(`${server.endpoint}/api/state`)).entries);
    }
    expect((await posted).status).toBe(200);
    seen.delete(0);
    seen.delete(records.length);
    expect(seen.size).toBeGreaterThan(0);
  });
});

describe('a hostile request', () => {
  it('of ten million objects is refused before they are made', async () => {
    const server = await startServer();
    const body = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${'{},'.repeat(10_000_000)}{}]}]}]}`;
    const { status, text } = await postLogs(server, body);
    expect([status, text]).toEqual([
      413,
      JSON.stringify({ code: 8, message: 'the body has more than 1000000 objects and lists' }),
    ]);
    expect(server.model.entries).toBe(0);
  });

  it('is not one whose text has as many brackets', async () => {
    const server = await startServer();
    const text = `[{\\"`.repeat(1_100_000);
    expect((await postLogs(server, RECORD.replace('"a"', `"${text}"`))).status).toBe(200);
    expect(server.model.entries).toBe(1);
  });

  it.each([
    ['one long header', `x: ${'x'.repeat(20_000)}\r\n`],
    ['many headers', 'x-a: b\r\n'.repeat(10_000)],
    ['a long address', ''],
  ])('with %s is refused', async (_, headers) => {
    const server = await startServer();
    const path = headers === '' ? `/${'a'.repeat(20_000)}` : '/api/state';
    const socket = await opened(server, `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 431 /);
    expect((await ask(`${server.endpoint}/api/state`)).status).toBe(200);
  });

  it.each([
    ['two lengths', 'content-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk whose length is no number', 'transfer-encoding: chunked\r\n\r\nzz\r\n'],
  ])('with %s is refused, so that none is hidden in another', async (_, rest) => {
    const server = await startServer();
    const head = 'POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const socket = await opened(server, head + rest);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });
});
