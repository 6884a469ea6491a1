import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { until } from '../support/until.ts';

/** What `stats()` of the instance says, as far as it is looked at. */
interface Stats {
  readonly readers: number;
}

/** A server of the recipes, as a process of its own with `recipes/probe.mjs` in it. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #said = '';
  #calls = 0;
  readonly #answers = new Map<number, (answer: unknown) => void>();

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (this.#said += String(text)));
    child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
      this.#answers.get(id)?.(answer);
      this.#answers.delete(id);
    });
  }

  /** Resolves when it takes connections. @throws with what it said when it ends instead. */
  static async start(
    args: readonly string[],
    cwd: string,
    sessionsFile: string,
    more: NodeJS.ProcessEnv = {},
  ): Promise<ServerProcess> {
    const port = await freePort();
    const env = { ...process.env, PORT: String(port), SESSIONS: sessionsFile, ...more };
    const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const server = new ServerProcess(port, child);
    for (;;) {
      if (await isListening(port)) return server;
      if (child.exitCode !== null) throw new Error(`the server ended:\n${server.#said}`);
      await delay(50);
    }
  }

  /** What a method of its instance gives, or a property of it. */
  ask<T = unknown>(method: string, ...args: readonly unknown[]): Promise<T> {
    const id = (this.#calls += 1);
    return new Promise((resolve, reject) => {
      this.#answers.set(id, (answer) => resolve(answer as T));
      this.#child.send({ id, method, args }, (error) => error && reject(error));
    });
  }

  async readers(): Promise<number> {
    return (await this.ask<Stats>('stats')).readers;
  }

  /** Resolves when so many readers are open; how long that took. @throws when it takes longer than the time. */
  async untilReaders(count: number, timeoutMillis: number): Promise<number> {
    const began = performance.now();
    for (;;) {
      const readers = await this.readers();
      if (readers === count) return performance.now() - began;
      if (performance.now() - began > timeoutMillis) {
        throw new Error(`${readers} readers where ${count} are expected, after ${timeoutMillis} ms\n${this.#said}`);
      }
      await delay(5);
    }
  }

  /** A client by its socket, so that it can go in every way. */
  async open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Client> {
    const socket = connect(this.port, '127.0.0.1');
    await once(socket, 'connect');
    return new Client(socket, path, headers);
  }

  /** Sends it the signal; its exit code once it has ended, `null` when it was killed. */
  async ended(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

/** One request for a stream, over a connection of its own. */
class Client {
  readonly socket: Socket;
  #bytes = '';

  constructor(socket: Socket, path: string, headers: Readonly<Record<string, string>>) {
    this.socket = socket;
    // A connection that is cut is what some of the tests are about.
    socket.on('error', () => {});
    socket.on('data', (bytes) => (this.#bytes += String(bytes)));
    const all = { host: 'localhost', accept: 'text/event-stream', ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  /** The head and the body, without the sizes of its chunks. */
  get received(): string {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end === -1) return this.#bytes;
    const [head, body] = [this.#bytes.slice(0, end), this.#bytes.slice(end + 2)];
    return `${head}\r\n\r\n${body.replaceAll(/\r\n[\da-f]+\r\n/gi, '')}`;
  }

  /** Resolves when the text has come. */
  async until(text: string): Promise<void> {
    await until(() => this.received.includes(text), `${JSON.stringify(text)} in what came: ${this.received}`, 10_000);
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
