import { settleReplies } from './redis-client.ts';
import type { RedisCommand, RedisConnection, RedisConnectionEvents, RedisPort, RedisReply } from './redis-client.ts';

/** The members used of a client or cluster of `redis` (node-redis), version 5 or later. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  duplicate(...args: never[]): unknown;
  sendCommand(...args: never[]): Promise<unknown>;
}

type Listener = (message: string, channel: string) => void;

interface Duplicate {
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): void;
  unref?(): void;
  sendCommand(args: readonly string[], options: object): Promise<unknown>;
  subscribe(channel: string, listener: Listener): Promise<void>;
  unsubscribe(channel: string, listener: Listener): Promise<void>;
}

interface ClusterDuplicate extends Omit<Duplicate, 'sendCommand'> {
  sendCommand(key: string, isReadonly: boolean, args: readonly string[], options: object): Promise<unknown>;
  sSubscribe(channel: string, listener: Listener): Promise<void>;
  sUnsubscribe(channel: string, listener: Listener): Promise<void>;
  readonly masters?: readonly { readonly client?: unknown }[];
}

interface NodeRedisClient {
  readonly options?: WithSocket;
  duplicate(options: object): Duplicate;
}

interface WithSocket {
  readonly socket?: object;
}

interface NodeRedisCluster {
  readonly masters: unknown;
  readonly _options?: { readonly defaults?: WithSocket; readonly rootNodes?: readonly WithSocket[] };
  duplicate(options: object): ClusterDuplicate;
}

const CONNECT_MILLIS = 5_000;

/**
 * Of one node, whatever the application's client has: no queue while it is offline, no reconnection. RESP2, whose replies have
 * one shape in every version, and what goes with RESP3 only is off.
 */
const NODE_OPTIONS = {
  RESP: 2,
  clientSideCache: undefined,
  emitInvalidate: undefined,
  maintNotifications: 'disabled',
  disableOfflineQueue: true,
  commandsQueueMaxLength: undefined,
  // Types of replies, an order of commands, a signal, a time-out: the store has its own for each.
  commandOptions: undefined,
  keyPrefix: undefined,
  // A server that is no cluster refuses it.
  readonly: false,
  // Its timer would keep the process alive; the store notices by itself what no longer answers.
  pingInterval: undefined,
};
/** Of the socket. One that waits for a message is silent for as long as nothing is logged. */
const SOCKET_OPTIONS = { reconnectStrategy: false, connectTimeout: CONNECT_MILLIS, socketTimeout: undefined };
/** Without it version 6 makes a timer for each command; the store has one for each batch. */
const COMMAND_OPTIONS = { timeout: undefined };

/**
 * The adapter for `redis`: duplicates the client for each connection and never touches the client itself.
 *
 * @throws What the client throws if it cannot be duplicated.
 */
export function nodeRedisPort(client: NodeRedisLike): RedisPort {
  if ('masters' in client) {
    const cluster = client as unknown as NodeRedisCluster;
    discard(duplicateCluster(cluster));
    return { isCluster: true, connect: (events) => connectCluster(cluster, events) };
  }
  const node = client as unknown as NodeRedisClient;
  discard(duplicateNode(node));
  return { isCluster: false, connect: (events) => connectNode(node, events) };
}

/** Discards a duplicate that was made only to see whether that works. */
function discard(duplicate: Pick<Duplicate, 'on' | 'destroy'>): void {
  duplicate.on('error', () => {});
  try {
    duplicate.destroy();
  } catch {
    // It was never open.
  }
}

function nodeOptions(options: WithSocket | undefined): object {
  return { ...options, ...NODE_OPTIONS, socket: { ...options?.socket, ...SOCKET_OPTIONS } };
}

function duplicateNode(source: NodeRedisClient): Duplicate {
  return source.duplicate(nodeOptions({ socket: { ...source.options?.socket } }));
}

function duplicateCluster(source: NodeRedisCluster): ClusterDuplicate {
  const { defaults, rootNodes } = source._options ?? {};
  return source.duplicate({
    RESP: 2,
    clientSideCache: undefined,
    commandOptions: undefined,
    keyPrefix: undefined,
    useReplicas: false,
    // A connection that is not there yet would refuse what comes first.
    minimizeConnections: false,
    // Redirected commands overtake each other: a MOVED ends the connection instead, and the next one knows the slots.
    maxCommandRedirections: 0,
    defaults: nodeOptions(defaults),
    ...(rootNodes === undefined ? undefined : { rootNodes: rootNodes.map((node) => nodeOptions(node)) }),
  });
}

function connectNode(source: NodeRedisClient, events: RedisConnectionEvents): RedisConnection {
  const duplicate = duplicateNode(source);
  const listener: Listener = (_message, channel) => events.message(channel);
  return new NodeRedisConnection(duplicate, events, {
    send: (commands) => settleReplies(commands.map(({ args }) => duplicate.sendCommand(args, COMMAND_OPTIONS))),
    subscribe: (channel) => duplicate.subscribe(channel, listener),
    unsubscribe: (channel) => duplicate.unsubscribe(channel, listener),
    unref: () => duplicate.unref?.(),
  });
}

function connectCluster(source: NodeRedisCluster, events: RedisConnectionEvents): RedisConnection {
  const duplicate = duplicateCluster(source);
  const listener: Listener = (_message, channel) => events.message(channel);
  const connection = new NodeRedisConnection(duplicate, events, {
    send: (commands) =>
      settleReplies(commands.map(({ key, args }) => duplicate.sendCommand(key, false, args, { ...COMMAND_OPTIONS }))),
    subscribe: (channel) => duplicate.sSubscribe(channel, listener),
    unsubscribe: (channel) => duplicate.sUnsubscribe(channel, listener),
    unref: () => {
      for (const { client } of duplicate.masters ?? []) (client as { unref?(): void } | undefined)?.unref?.();
    },
  });
  // A node that broke does not come back by itself: the connection no longer reaches all slots.
  for (const event of ['node-error', 'node-disconnect']) {
    duplicate.on(event, (cause: unknown) => connection.end(cause));
  }
  return connection;
}

interface Wire {
  send(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]>;
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  unref(): void;
}

class NodeRedisConnection implements RedisConnection {
  readonly #client: Pick<Duplicate, 'on' | 'connect' | 'destroy'>;
  readonly #events: RedisConnectionEvents;
  readonly #wire: Wire;
  #isOver = false;

  constructor(client: Pick<Duplicate, 'on' | 'connect' | 'destroy'>, events: RedisConnectionEvents, wire: Wire) {
    this.#client = client;
    this.#events = events;
    this.#wire = wire;
    client.on('error', (error: unknown) => this.end(error));
    client.on('terminated', (error: unknown) => this.end(error));
    client.on('end', () => this.end(undefined));
    void this.#begin();
  }

  async #begin(): Promise<void> {
    try {
      await this.#client.connect();
      if (this.#isOver) return this.close();
      this.#wire.unref();
    } catch (error) {
      return this.end(error);
    }
    this.#events.ready();
  }

  exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    return this.#wire.send(commands);
  }

  subscribe(channel: string): Promise<void> {
    return this.#wire.subscribe(channel);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#wire.unsubscribe(channel);
  }

  close(): void {
    this.#isOver = true;
    try {
      this.#client.destroy();
    } catch {
      // Thrown when the client is closed already, which is what was wanted.
    }
  }

  end(cause: unknown): void {
    if (this.#isOver) return;
    this.close();
    this.#events.closed(cause);
  }
}
