import { failureOf, RedisFailure, settleReplies } from './redis-client.ts';
import type { RedisCommand, RedisConnection, RedisConnectionEvents, RedisPort, RedisReply } from './redis-client.ts';

/** The members used of a client of `ioredis`, version 5 or later. */
export interface IoRedisLike {
  readonly status: string;
  duplicate(...args: never[]): unknown;
  call(...args: never[]): unknown;
  readonly isCluster?: boolean;
}

interface Duplicate {
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  call(command: string, ...args: readonly string[]): Promise<unknown>;
  pipeline(): {
    call(command: string, ...args: readonly string[]): unknown;
    exec(): Promise<[Error | null, unknown][] | null>;
  };
  readonly stream?: { unref?(): void };
  readonly options?: { readonly db?: number };
  readonly status: string;
  nodes(role: 'master'): Duplicate[];
}

interface IoRedisClient {
  readonly isCluster?: boolean;
  readonly options?: { readonly redisOptions?: object };
  /** Of a cluster: ports, addresses, or objects that may have options of their own. */
  readonly startupNodes?: readonly unknown[];
  duplicate(options: object): Duplicate;
  duplicate(startupNodes: readonly unknown[], options: object): Duplicate;
}

const CONNECT_MILLIS = 5_000;

/**
 * Of one node, whatever the application's client has: no queue while it is offline, no second try of anything. With the client's
 * defaults a killed connection duplicated 1,356 and reordered 996 of 25,000 entries. RESP2, whose replies have one shape in
 * every version.
 */
const NODE_OPTIONS = {
  lazyConnect: true,
  // A time-out of one command out of a batch says nothing of it: the store has one for each batch.
  commandTimeout: undefined,
  blockingTimeout: undefined,
  socketTimeout: undefined,
  stringNumbers: false,
  // What is written goes to a master; a server that is no cluster refuses READONLY.
  readOnly: false,
  role: 'master',
  monitor: false,
  // Would keep connections of its own to the sentinels.
  failoverDetector: false,
  himportFieldsets: undefined,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableAutoPipelining: false,
  maxRetriesPerRequest: 0,
  reconnectOnError: null,
  keyPrefix: '',
  protocol: 2,
  replyMapping: 'legacy',
  connectTimeout: CONNECT_MILLIS,
} as const;

/**
 * The adapter for `ioredis`: duplicates the client for each connection and never touches the client itself.
 *
 * @throws What the client throws if it cannot be duplicated.
 */
export function ioRedisPort(client: IoRedisLike): RedisPort {
  const source = client as unknown as IoRedisClient;
  const isCluster = source.isCluster === true;
  // Duplicated once to see whether that works.
  const probe = isCluster ? duplicateCluster(source) : duplicateNode(source);
  probe.on('error', () => {});
  probe.disconnect();
  return { isCluster, connect: (events) => (isCluster ? connectCluster(source, events) : connectNode(source, events)) };
}

function duplicateNode(source: IoRedisClient): Duplicate {
  return source.duplicate({ ...NODE_OPTIONS, retryStrategy: null, sentinelRetryStrategy: null });
}

function duplicateCluster(source: IoRedisClient): Duplicate {
  // What a startup node has of its own stands above `redisOptions`.
  const startupNodes = source.startupNodes?.map((node) =>
    typeof node === 'object' && node !== null ? { ...node, ...NODE_OPTIONS } : node,
  );
  return source.duplicate(startupNodes ?? [], {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: null,
    clusterNodeRetryStrategy: null,
    maxRedirections: 0,
    scaleReads: 'master',
    enableAutoPipelining: false,
    shardedSubscribers: true,
    keyPrefix: '',
    himportFieldsets: undefined,
    // The topology is read anew with each connection, and a MOVED ends the connection: no timer that holds the process.
    slotsRefreshInterval: 0,
    redisOptions: { ...source.options?.redisOptions, ...NODE_OPTIONS, retryStrategy: null },
  });
}

function connectNode(source: IoRedisClient, events: RedisConnectionEvents): RedisConnection {
  const duplicate = duplicateNode(source);
  duplicate.on('message', (channel: string) => events.message(channel));
  return new IoRedisConnection(duplicate, events, 'subscribe', async (commands) => {
    const pipeline = duplicate.pipeline();
    for (const { args } of commands) pipeline.call(nameOf(args), ...args.slice(1));
    const results = (await pipeline.exec()) ?? [];
    return commands.map((_, index) => {
      const [error, value] = results[index] ?? [new Error('No reply'), undefined];
      return error === null ? value : failureOf(error);
    });
  });
}

function connectCluster(source: IoRedisClient, events: RedisConnectionEvents): RedisConnection {
  const duplicate = duplicateCluster(source);
  duplicate.on('smessage', (channel: string) => events.message(channel));
  duplicate.on('+node', (node: Duplicate) => node.on('ready', () => node.stream?.unref?.()));
  // Without a retry strategy a node that broke leaves the pool: the connection no longer reaches all slots.
  duplicate.on('-node', () => duplicate.disconnect());
  return new IoRedisConnection(duplicate, events, 'ssubscribe', (commands) =>
    settleReplies(commands.map(({ args }) => callInCluster(duplicate, args))),
  );
}

function callInCluster(cluster: Duplicate, args: readonly string[]): Promise<unknown> {
  if (args[0] !== 'XGROUP') return cluster.call(nameOf(args), ...args.slice(1));
  return callOnOwner(cluster, args);
}

/** Version 5 does not know where the key of XGROUP stands. Asks every node; the one that has the slot does not redirect. */
async function callOnOwner(cluster: Duplicate, args: readonly string[]): Promise<unknown> {
  const nodes = cluster.nodes('master');
  const replies = await settleReplies(nodes.map((node) => node.call(nameOf(args), ...args.slice(1))));
  const reply = replies.find((candidate) => !(candidate instanceof RedisFailure && candidate.code === 'MOVED'));
  if (reply instanceof RedisFailure) throw reply.cause;
  return reply;
}

/** Version 5 finds the keys of a command, hence its node, by the name in lower case only. */
function nameOf(args: readonly string[]): string {
  return (args[0] as string).toLowerCase();
}

class IoRedisConnection implements RedisConnection {
  readonly #client: Duplicate;
  readonly #events: RedisConnectionEvents;
  readonly #subscribe: 'subscribe' | 'ssubscribe';
  readonly #send: (commands: readonly RedisCommand[]) => Promise<readonly RedisReply[]>;
  #isOver = false;
  #lastError: unknown;

  constructor(
    client: Duplicate,
    events: RedisConnectionEvents,
    subscribe: 'subscribe' | 'ssubscribe',
    send: (commands: readonly RedisCommand[]) => Promise<readonly RedisReply[]>,
  ) {
    this.#client = client;
    this.#events = events;
    this.#subscribe = subscribe;
    this.#send = send;
    client.on('error', (error: unknown) => {
      this.#lastError = error;
    });
    client.on('ready', () => void this.#begin());
    client.on('end', () => this.#end(this.#lastError));
    client.connect().catch((error: unknown) => this.#end(this.#lastError ?? error));
  }

  async #begin(): Promise<void> {
    try {
      // A cluster client that may not queue refuses commands to a node that it is still connecting to.
      const nodes = this.#subscribe === 'ssubscribe' ? this.#client.nodes('master') : [];
      await Promise.all(nodes.filter(({ status }) => status === 'wait').map((node) => node.connect()));
      // The client silently stays in database 0 if its own SELECT is refused.
      const { db = 0 } = this.#client.options ?? {};
      if (db > 0) await this.#client.call('select', `${db}`);
      this.#client.stream?.unref?.();
    } catch (error) {
      return this.#end(error);
    }
    if (!this.#isOver) this.#events.ready();
  }

  async exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    try {
      return await this.#send(commands);
    } catch (error) {
      const failure = failureOf(error);
      return commands.map(() => failure);
    }
  }

  async subscribe(channel: string): Promise<void> {
    await this.#client.call(this.#subscribe, channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#client.call(this.#subscribe === 'subscribe' ? 'unsubscribe' : 'sunsubscribe', channel);
  }

  close(): void {
    this.#isOver = true;
    this.#client.disconnect();
  }

  #end(cause: unknown): void {
    if (this.#isOver) return;
    this.close();
    this.#events.closed(cause);
  }
}
