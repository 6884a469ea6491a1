import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

// Responses of test helpers and of adapters of serverless platforms, which have no connection, or less.

let sessions: SessionLogs;

beforeEach(() => {
  sessions = new SessionLogs();
  void sessions.logChunkToQueue('one', 's');
  void sessions.logChunkToQueue('two', 's');
  sessions.endSession('s');
});

afterEach(async () => {
  expect(sessions.stats().readers).toBe(0);
  await sessions.shutdown();
});

/** A response that keeps what is written; its `write` returns nothing. */
class KeepingResponse extends EventEmitter {
  readonly req: unknown;
  status = 0;
  text = '';
  isEnded = false;

  constructor(req: unknown) {
    super();
    this.req = req;
  }

  writeHead(status: number): void {
    this.status = status;
  }

  write(text: string): void {
    this.text += text;
  }

  end(): void {
    this.isEnded = true;
  }
}

describe('sendEventStream to', () => {
  it.each([
    ['no request', undefined],
    ['a request without a socket', { method: 'GET' }],
    ['a request whose socket is none', { method: 'GET', socket: {} }],
  ])('a response with %s sends the whole stream', async (_, request) => {
    const response = new KeepingResponse(request);
    await sessions.sendEventStream(response as unknown as ServerResponse, 's', { from: 'start' });
    expect([response.status, response.isEnded]).toEqual([200, true]);
    expect(response.text.match(/one|two|session-end/g)).toEqual(['one', 'two', 'session-end']);
  });

  it.each([undefined, null, 'response', new Response()])('%s is a TypeError that names the response', async (wrong) => {
    const sent = sessions.sendEventStream(wrong as unknown as ServerResponse, 's');
    await expect(sent).rejects.toThrow(/^sendEventStream: expected `response` to be a response of node:http/u);
  });
});
