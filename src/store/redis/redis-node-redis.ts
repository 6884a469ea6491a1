import { settleReplies } from './redis-client.ts';
import type { RedisCommand, RedisConnection, RedisConnectionEvents, RedisPort, RedisReply } from './redis-client.ts';

/** What is used of a client or cluster of `redis` (node-redis), version 5 or later. */
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
  readonly options?: { readonly socket?: object };
  duplicate(options: object): Duplicate;
}

interface NodeRedisCluster {
  readonly masters: unknown;
  readonly _options?: { readonly defaults?: { readonly socket?: object } };
  duplicate(options: object): ClusterDuplicate;
}

const CONNECT_MILLIS = 5_000;

/** Of one node: no queue while it is offline, no reconnection. RESP2, whose replies have one shape in every version. */
const NODE_OPTIONS = {
  RESP: 2,
  disableOfflineQueue: true,
  commandsQueueMaxLength: undefined,
  maintNotifications: 'disabled',
};
const SOCKET_OPTIONS = { reconnectStrategy: false, connectTimeout: CONNECT_MILLIS };
/** Without it version 6 makes a timer for each command; the store has one for each batch. */
const COMMAND_OPTIONS = { timeout: undefined };

/** The adapter for `redis`: duplicates the client for each connection and never touches the client itself. */
export function nodeRedisPort(client: NodeRedisLike): RedisPort {
  const isCluster = 'masters' in client;
  return {
    isCluster,
    connect: (events) =>
      isCluster
        ? connectCluster(client as unknown as NodeRedisCluster, events)
        : connectNode(client as unknown as NodeRedisClient, events),
  };
}

function connectNode(source: NodeRedisClient, events: RedisConnectionEvents): RedisConnection {
  const duplicate = source.duplicate({
    ...NODE_OPTIONS,
    keyPrefix: undefined,
    socket: { ...source.options?.socket, ...SOCKET_OPTIONS },
  });
  const listener: Listener = (_message, channel) => events.message(channel);
  return new NodeRedisConnection(duplicate, events, {
    send: (commands) => settleReplies(commands.map(({ args }) => duplicate.sendCommand(args, COMMAND_OPTIONS))),
    subscribe: (channel) => duplicate.subscribe(channel, listener),
    unsubscribe: (channel) => duplicate.unsubscribe(channel, listener),
    unref: () => duplicate.unref?.(),
  });
}

function connectCluster(source: NodeRedisCluster, events: RedisConnectionEvents): RedisConnection {
  const defaults = source._options?.defaults;
  const duplicate = source.duplicate({
    RESP: 2,
    keyPrefix: undefined,
    useReplicas: false,
    // Redirected commands overtake each other: a MOVED ends the connection instead, and the next one knows the slots.
    maxCommandRedirections: 0,
    defaults: { ...defaults, ...NODE_OPTIONS, socket: { ...defaults?.socket, ...SOCKET_OPTIONS } },
  });
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
    client.connect().then(
      () => {
        if (this.#isOver) return this.close();
        wire.unref();
        events.ready();
      },
      (error: unknown) => this.end(error),
    );
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
