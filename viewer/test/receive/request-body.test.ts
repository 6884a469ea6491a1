import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { expect, it, onTestFinished } from 'vitest';

import { until } from '../../../test/support/until.ts';
import { readBody, UnreadableBodyError } from '../../src/receive/request-body.ts';
import { ByteBudget } from '../../src/web/byte-budget.ts';
import { textAnswer } from '../../src/web/exchange.ts';
import { answerNode } from '../../src/web/node-exchange.ts';

const MAX_BYTES = 1_000;

/** A server that reads bodies within the budget, and how much of that is left. */
async function start(bytes: number): Promise<{ readonly url: string; readonly left: () => number }> {
  const budget = new ByteBudget(bytes);
  const server = createServer((asked, response) => {
    void answerNode(
      async (exchange) => {
        try {
          const body = await readBody(exchange, budget, MAX_BYTES);
          budget.give(body.length);
          return textAnswer(200, String(body.length));
        } catch (error) {
          if (error instanceof UnreadableBodyError) return textAnswer(error.status, error.message);
          throw error;
        }
      },
      asked,
      response,
    );
  });
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const left = (): number => {
    let found = 0;
    while (budget.take(1)) found += 1;
    budget.give(found);
    return found;
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, left };
}

function post(url: string, headers: Readonly<Record<string, string>> = {}): ClientRequest {
  const sent = request(url, { method: 'POST', agent: false, headers });
  sent.on('error', () => {
    // Some are cut off.
  });
  return sent;
}

async function statusOf(sent: ClientRequest): Promise<number> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

it('takes bodies while there are bytes for them, and asks others to be sent again', async () => {
  const { url, left } = await start(1_000);
  const slow = post(url);
  slow.write('x'.repeat(800));
  await until(() => left() === 200);
  const other = post(url);
  other.end('y'.repeat(300));
  expect(await statusOf(other)).toBe(503);
  const small = post(url);
  small.end('y'.repeat(200));
  expect(await statusOf(small)).toBe(200);
  slow.end();
  expect(await statusOf(slow)).toBe(200);
  expect(left()).toBe(1_000);
});

it('gives back the bytes of a client that left, or sent too much', async () => {
  const { url, left } = await start(2_000);
  const gone = post(url);
  gone.write('x'.repeat(500));
  await until(() => left() === 1_500);
  gone.destroy();
  await until(() => left() === 2_000);
  const long = post(url, { 'transfer-encoding': 'chunked' });
  long.end('x'.repeat(MAX_BYTES + 1));
  expect(await statusOf(long)).toBe(413);
  expect(left()).toBe(2_000);
});

it.each([
  ['that is gzip', 1_500, gzipSync('x'.repeat(900)), 200],
  ['that is not', 1_500, Buffer.from('not gzip'), 400],
  ['that becomes too much', 1_500, gzipSync('x'.repeat(MAX_BYTES + 1)), 413],
  ['for which there are not bytes enough', 900, gzipSync('x'.repeat(10)), 503],
])('gives back what a packed body held %s', async (_, bytes, body, status) => {
  const { url, left } = await start(bytes);
  const sent = post(url, { 'content-encoding': 'gzip' });
  sent.end(body);
  expect(await statusOf(sent)).toBe(status);
  expect(left()).toBe(bytes);
});
