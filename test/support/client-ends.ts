import { appendFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { SessionLogs } from '../../src/facade/session-logs.ts';
import { until } from './until.ts';

/** A server whose route `/events/:id` sends event streams, as it runs. */
export interface EventServer {
  readonly server: Server;
  readonly sessions: SessionLogs;
  close(): Promise<void>;
}

/**
 * Turns of the event loop in which a reader has to be free, once Node has said that its client is gone. Machines differ in
 * how long a turn takes, not in how many there are.
 */
const TURNS = 3;

/** A file that gets what was measured, one JSON object a line; see `test/hosts/client-ends.ts`. */
const TIMES_FILE = process.env['CLIENT_END_TIMES'];

/** The calls that send event streams, made and not yet settled. */
export interface Calls {
  made: number;
  pending: number;
}

/** Counts the calls of both methods from now on. */
export function countCalls(sessions: SessionLogs): Calls {
  const calls: Calls = { made: 0, pending: 0 };
  for (const method of ['sendEventStream', 'toEventStreamResponse'] as const) {
    const call = sessions[method].bind(sessions) as (...args: unknown[]) => Promise<unknown>;
    const counted = (...args: unknown[]): Promise<unknown> => {
      calls.made += 1;
      calls.pending += 1;
      return call(...args).finally(() => (calls.pending -= 1));
    };
    Object.assign(sessions, { [method]: counted });
  }
  return calls;
}

/** Waits until no reader is open, which is measured from now on, and every call has settled. */
export async function expectAllFree(
  { sessions, calls }: { readonly sessions: SessionLogs; readonly calls: Calls },
  server: string,
  way: string,
): Promise<void> {
  const start = performance.now();
  let millis: number | undefined;
  for (let turns = 0; turns < TURNS; turns += 1) {
    const { readers } = sessions.stats();
    if (readers === 0) millis ??= performance.now() - start;
    if (readers + calls.pending === 0) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect({ readers: sessions.stats().readers, pending: calls.pending }).toEqual({ readers: 0, pending: 0 });
  if (TIMES_FILE === undefined) return;
  appendFileSync(TIMES_FILE, `${JSON.stringify({ node: process.version, server, way, millis })}\n`);
}

/** Both ends of raw connections to the server. */
class Connections {
  readonly clients: Socket[] = [];
  readonly accepted: Socket[] = [];
  received = '';
  readonly #server: Server;
  #requests = 0;
  /** Resolves for each connection when Node has ended it, or its own side of it. */
  readonly #ends: Promise<void>[] = [];

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', this.#onConnection);
    server.on('request', this.#onRequest);
  }

  async open(count: number, requestsEach: number, path = '/events/silent', rest = '\r\n'): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n${rest}`;
    for (let i = 0; i < count; i += 1) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      this.clients.push(socket);
      socket.on('error', () => {});
      socket.on('data', (data: Buffer) => void (this.received += data.toString('latin1')));
      socket.write(request.repeat(requestsEach));
    }
    await until(() => this.#requests === count * requestsEach, 'all requests are there');
  }

  /** Resolves when the server has been told of every end. */
  async allOver(): Promise<void> {
    await until(() => this.accepted.length === this.clients.length);
    await Promise.all(this.#ends);
  }

  dispose(): void {
    this.#server.off('connection', this.#onConnection).off('request', this.#onRequest);
    for (const socket of [...this.clients, ...this.accepted]) socket.destroy();
  }

  readonly #onRequest = (): void => void (this.#requests += 1);

  readonly #onConnection = (socket: Socket): void => {
    this.accepted.push(socket);
    this.#ends.push(
      new Promise((resolve) => {
        socket.once('close', resolve);
        socket.once('end', () => {
          if (!socket.writable) resolve();
        });
      }),
    );
  };
}

/** What follows the headers of a request with a body that is longer than what Node holds of it. */
const BODIES: readonly (readonly [string, string])[] = [
  ['whose end has not come', `Content-Length: 2000000\r\n\r\n${'x'.repeat(1_000_000)}`],
  ['in chunks', `Transfer-Encoding: chunked\r\n\r\n${`8000\r\n${'x'.repeat(0x80_00)}\r\n`.repeat(30)}0\r\n\r\n`],
];

/** How a client goes. */
const LEAVINGS: Readonly<Record<string, (socket: Socket) => void>> = {
  'hangs up': (socket) => socket.destroy(),
  resets: (socket) => socket.resetAndDestroy(),
  'half-closes': (socket) => socket.end(),
};

/**
 * Defines the tests of how clients of an event stream go, on a server that runs.
 *
 * @param start Starts the server; with a `gate`, each request waits for it before its handler is called.
 */
export function describeClientEnds(
  name: string,
  start: (gate: () => Promise<void> | undefined) => Promise<EventServer>,
): void {
  describe(`the clients of ${name}`, () => {
    let events: EventServer;
    let calls: Calls;
    let connections: Connections;
    let gate: Promise<void> | undefined;
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);

    const readers = (): number => events.sessions.stats().readers;
    const connected = async (count: number, requestsEach = 1): Promise<void> => {
      connections = new Connections(events.server);
      await connections.open(count, requestsEach);
    };
    const leave = (how: string): void => {
      for (const socket of connections.clients) LEAVINGS[how]?.(socket);
    };

    beforeAll(async () => {
      process.on('warning', onWarning);
      events = await start(() => gate);
      calls = countCalls(events.sessions);
    });
    afterEach(() => {
      gate = undefined;
      connections.dispose();
      events.sessions.deleteSession('big');
    });
    afterAll(async () => {
      await events.close();
      await events.sessions.shutdown();
      process.off('warning', onWarning);
      expect(warnings.map(String)).toEqual([]);
    });

    describe.each(Object.keys(LEAVINGS))('that one %s', (how) => {
      it('frees 500 readers of a silent session', async () => {
        await connected(500);
        await until(() => readers() === 500, 'all read');
        leave(how);
        await connections.allOver();
        await expectAllFree({ sessions: events.sessions, calls }, name, how);
      });

      it('frees one that pipelined 500 requests, of which one is served at a time', async () => {
        await connected(2, 500);
        await until(() => readers() === 2, 'one of each connection reads');
        leave(how);
        await connections.allOver();
        await expectAllFree({ sessions: events.sessions, calls }, name, `${how}, pipelined`);
      });

      it('frees one that never read, and that held up no more than its socket takes', async () => {
        connections = new Connections(events.server);
        await connections.open(1, 1, '/events/big');
        const [client] = connections.clients;
        client?.pause();
        await until(() => readers() === 1, 'it reads');
        const [accepted] = connections.accepted;
        const text = 'x'.repeat(1000);
        while (accepted?.writableNeedDrain !== true) {
          for (let i = 0; i < 500; i += 1) void events.sessions.logChunkToQueue(text, 'big');
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(accepted.writableLength).toBeLessThan(128 * 1024);
        leave(how);
        await connections.allOver();
        await expectAllFree({ sessions: events.sessions, calls }, name, `${how}, never having read`);
      });

      it.each(BODIES)('frees one that sent a body, which is not read, %s', async (_, rest) => {
        connections = new Connections(events.server);
        await connections.open(3, 1, '/events/silent', rest);
        await until(() => readers() === 3, 'all read');
        leave(how);
        await connections.allOver();
        await expectAllFree({ sessions: events.sessions, calls }, name, `${how}, body not read`);
      });

      it('opens no reader when it is gone before the call', async () => {
        const before = calls.made;
        let open: () => void = () => {};
        gate = new Promise((resolve) => (open = resolve));
        await connected(20, 5);
        leave(how);
        await connections.allOver();
        let most = 0;
        open();
        for (let turn = 0; turn < 10; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve));
          most = Math.max(most, readers());
        }
        expect([most, calls.made > before]).toEqual([0, true]);
        await expectAllFree({ sessions: events.sessions, calls }, name, `${how} before the call`);
      });
    });

    it('that pipelined get their streams one after the other, each whole', async () => {
      const ids = ['one', 'two', 'three'];
      connections = new Connections(events.server);
      await connections.open(1, 1, '/events/one');
      const [client] = connections.clients;
      for (const id of ids.slice(1)) client?.write(`GET /events/${id} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until(() => readers() === 1, 'the first reads');
      for (const id of ids) {
        void events.sessions.logChunkToQueue(`text of ${id}`, id);
        await until(() => connections.received.includes(`text of ${id}`), `${id} is served`);
        expect(readers()).toBe(1);
        events.sessions.endSession(id);
      }
      await until(() => connections.received.split('event: end').length === 4, 'the last ends');
      expect(connections.received.match(/HTTP\/1.1 200|text of \w+|event: end/g)).toEqual(
        ids.flatMap((id) => ['HTTP/1.1 200', `text of ${id}`, 'event: end']),
      );
      await until(() => readers() === 0, 'the last is free');
      expect(calls.pending).toBe(0);
    });
  });
}
