import { once } from 'node:events';
import { connect } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { until } from '../../../test/support/until.ts';
import { ask, startServer } from '../support/dev-server.ts';
import { PageEvents } from '../support/page-events.ts';

it('frees the streams of a connection that asked for many at once, and is gone', async () => {
  const { endpoint } = await startServer();
  const { port, host } = new URL(endpoint);
  for (let at = 0; at < 3; at += 1) {
    const socket = connect(Number(port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(`GET /api/stream HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(40));
    await once(socket, 'data');
    socket.destroy();
  }
  const page = PageEvents.open(`${endpoint}/api/stream`);
  await until(() => page.lastId !== undefined || page.isOver);
  expect(page.isOver).toBe(false);
});

it('tells proxies not to hold the stream back', async () => {
  const { endpoint } = await startServer();
  const { headers } = await ask(`${endpoint}/api/stream`, { method: 'HEAD' });
  expect(headers['cache-control']).toBe('no-store, no-transform');
});
