import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A way to servers that cuts a connection when it has got so many bytes back, wherever that is in what they say. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #target: () => number;
  readonly #budget: () => number;
  readonly #clients = new Set<Socket>();
  #cuts = 0;

  private constructor(server: Server, target: () => number, budget: () => number) {
    this.#server = server;
    this.#target = target;
    this.#budget = budget;
  }

  /** @param target The port that a new connection goes to. @param budget What it may get back, in bytes. */
  static async start(target: () => number, budget: () => number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, target, budget);
    server.on('connection', (client) => proxy.#join(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get cuts(): number {
    return this.#cuts;
  }

  close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    const server = connect(this.#target(), '127.0.0.1');
    let left = this.#budget();
    this.#clients.add(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroySoon());
    }
    client.on('close', () => this.#clients.delete(client));
    client.pipe(server);
    server.on('data', (bytes) => {
      if (client.destroyed) return;
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0) return;
      this.#cuts += 1;
      // What was written goes out first: the cut is at the byte that it should be at.
      server.destroy();
      client.destroySoon();
    });
  }
}
