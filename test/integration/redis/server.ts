import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePorts } from '../free-ports.ts';

/** A server program of this machine. */
export interface ServerProgram {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

function find(name: string): ServerProgram | undefined {
  try {
    const line = execFileSync(name, ['--version'], { encoding: 'utf8' });
    return { name, path: name, version: /v=([\d.]+)/.exec(line)?.[1] ?? 'unknown' };
  } catch {
    // Not installed: the tests that need it are skipped, with the reason in their name.
    return undefined;
  }
}

export const REDIS: ServerProgram | undefined = find(process.env['REDIS_SERVER'] ?? 'redis-server');
export const VALKEY: ServerProgram | undefined = find(process.env['VALKEY_SERVER'] ?? 'valkey-server');

/** What a suite's name says when it is skipped. */
export const WITHOUT_SERVER: string = REDIS === undefined ? ' (skipped: no redis-server on this machine)' : '';

/** A server of our own on a loopback port, with its own temporary directory. */
export class TestServer {
  readonly port: number;
  readonly directory: string = mkdtempSync(join(tmpdir(), 'osl-redis-'));
  readonly #program: ServerProgram;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(program: ServerProgram, port: number, options: readonly string[]) {
    this.#program = program;
    this.port = port;
    this.#options = options;
  }

  /** Options as on the command line: `'--appendonly', 'yes'`. */
  static async start(options: readonly string[] = [], program: ServerProgram | undefined = REDIS): Promise<TestServer> {
    if (program === undefined) throw new Error('no server program');
    const [port] = await freePorts(1);
    const server = new TestServer(program, port as number, options);
    await server.start();
    return server;
  }

  /** A server that is not running yet. */
  static async prepare(options: readonly string[] = []): Promise<TestServer> {
    const [port] = await freePorts(1);
    return new TestServer(REDIS as ServerProgram, port as number, options);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const basics = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.directory];
    this.#process = spawn(this.#program.path, [...basics, ...this.#options], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#output = '';
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-2_000);
    });
    await this.#answers();
  }

  /** Ends the server the hard way, like a power cut. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** One command over a connection of its own; the raw reply. */
  async command(...args: readonly string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      const words = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('');
      socket.write(`*${args.length}\r\n${words}`);
      const [data] = (await once(socket, 'data')) as [Buffer];
      return data.toString();
    } finally {
      socket.destroy();
    }
  }

  /** Cuts every connection of clients but the one that asks. */
  async killConnections(): Promise<void> {
    await this.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await this.command('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
  }

  async #answers(): Promise<void> {
    for (let attempt = 0; attempt < 400 && this.#process?.exitCode === null; attempt += 1) {
      try {
        const reply = await this.command('PING');
        if (reply.startsWith('+PONG') || reply.startsWith('-NOAUTH')) return;
      } catch {
        // Not listening yet.
      }
      await sleep(25);
    }
    throw new Error(`${this.#program.name} on port ${this.port} does not answer. Its last words: ${this.#output}`);
  }
}

const SLOTS = 16_384;

/** Three masters on loopback that share the slots. */
export async function startCluster(
  more: readonly string[] = [],
  program: ServerProgram | undefined = REDIS,
): Promise<TestServer[]> {
  const busPorts = await freePorts(3);
  const nodes: TestServer[] = [];
  for (const busPort of busPorts) {
    const options = [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(busPort),
      '--cluster-node-timeout',
      '2000',
      ...more,
    ];
    nodes.push(await TestServer.start(options, program));
  }
  for (const [index, node] of nodes.entries()) {
    const first = Math.floor((SLOTS * index) / 3);
    const last = Math.floor((SLOTS * (index + 1)) / 3) - 1;
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
    const [origin] = nodes;
    if (index > 0) {
      await node.command('CLUSTER', 'MEET', '127.0.0.1', String(origin?.port), String(busPorts[0]));
    }
  }
  for (const node of nodes) {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const info = await node.command('CLUSTER', 'INFO');
      if (info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')) break;
      await sleep(25);
    }
  }
  return nodes;
}

/** One more node, which takes the place of a master that dies. */
export async function addReplica(nodes: readonly TestServer[], of: TestServer): Promise<TestServer> {
  const [busPort] = await freePorts(1);
  const options = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000'];
  const replica = await TestServer.start(options);
  try {
    await joinAsReplica(replica, busPort as number, nodes, of);
    return replica;
  } catch (error) {
    await replica.stop();
    throw error;
  }
}

async function joinAsReplica(
  replica: TestServer,
  busPort: number,
  nodes: readonly TestServer[],
  of: TestServer,
): Promise<void> {
  const own = (await replica.command('CLUSTER', 'MYID')).split('\r\n')[1] as string;
  const master = (await of.command('CLUSTER', 'MYID')).split('\r\n')[1] as string;
  await of.command('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
  for (const node of nodes) await node.command('CLUSTER', 'MEET', '127.0.0.1', String(replica.port), String(busPort));
  await until(async () => (await replica.command('CLUSTER', 'REPLICATE', master)).startsWith('+OK'));
  await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'));
  for (const node of nodes) {
    await until(async () =>
      (await node.command('CLUSTER', 'NODES'))
        .split('\n')
        .some((line) => line.startsWith(own) && line.includes('slave')),
    );
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 800; attempt += 1) {
    if (await isSo()) return;
    await sleep(25);
  }
  throw new Error('the cluster did not come about');
}
