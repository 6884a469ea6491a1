import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A way to a server that hands bytes on in pieces of a few, in both directions, and is cut between any two of them. */
export class SplittingProxy {
  readonly #server: Server;
  readonly #random: () => number;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, random: () => number) {
    this.#server = server;
    this.#random = random;
  }

  static async start(target: number, random: () => number): Promise<SplittingProxy> {
    const server = createServer();
    const proxy = new SplittingProxy(server, random);
    server.on('connection', (client) => proxy.#join(client, connect(target, '127.0.0.1')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections, wherever they are in their bytes. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      void this.#handOn(from, to);
    }
  }

  /** Each piece in a turn of its own, so that it is a packet of its own. */
  async #handOn(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const bytes of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < bytes.length;) {
          // Mostly a few bytes, some times many: a whole answer in ones would take for ever.
          const length =
            this.#random() < 0.7 ? 1 + Math.floor(this.#random() * 7) : 1 + Math.floor(this.#random() * 4_096);
          to.write(bytes.subarray(at, at + length));
          at += length;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } catch {
      // It was cut.
    }
    to.destroy();
  }
}
