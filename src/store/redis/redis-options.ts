import * as z from 'zod';

import { lazily, parseOptions } from '../../support/options.ts';
import { remoteStoreOptions } from '../remote/remote-options.ts';
import type { RemoteStoreOptions } from '../remote/remote-options.ts';
import type { RedisPort } from './redis-client.ts';
import { ioRedisPort } from './redis-ioredis.ts';
import type { IoRedisLike } from './redis-ioredis.ts';
import { nodeRedisPort } from './redis-node-redis.ts';
import type { NodeRedisLike } from './redis-node-redis.ts';

/** Options of a {@link RedisSessionStore}. */
export interface RedisSessionStoreOptions extends RemoteStoreOptions {
  /**
   * A client of `redis` (node-redis) 5 or later or of `ioredis` 5 or later, standalone or cluster, or your own {@link
   * RedisPort}. The store duplicates it for each of its three connections, and never uses or closes the client itself.
   * The duplicates keep the client's address and credentials, but not its settings for commands, replies, time-outs,
   * queues, reconnection and a key prefix. A pool, a sentinel client of `redis` and the `legacy()` interface are
   * refused; a client of `ioredis` may use sentinels.
   */
  readonly client: NodeRedisLike | IoRedisLike | RedisPort;
  /** The prefix of all keys and channels of this store: letters, digits and `_ . : / -`. @default 'session_logs' */
  readonly prefix?: string | undefined;
  /**
   * The most entries kept of one session. Redis trims a stream by whole nodes, so up to a hundred more stay. @default
   * 10_000
   */
  readonly maxEntriesPerSession?: number | undefined;
}

const optionsSchema = lazily(() =>
  z.strictObject({
    client: z.custom<RedisSessionStoreOptions['client']>((value) => kindOf(value) !== undefined, {
      error: ({ input }) => `a client of \`redis\` >= 5 or \`ioredis\` >= 5, or a RedisPort${wrongClient(input)}`,
    }),
    prefix: z
      .string('a string')
      .regex(/^[\w.:/-]{1,128}$/, '1 to 128 letters, digits or _ . : / -')
      .default('session_logs'),
    ...remoteStoreOptions(),
  }),
);

type ClientKind = 'port' | 'redis' | 'ioredis';

/** Recognizes a client by its members, because this package imports none. */
function kindOf(client: unknown): ClientKind | undefined {
  if (typeof client !== 'object' || client === null) return undefined;
  const has = (method: string): boolean => typeof (client as Record<string, unknown>)[method] === 'function';
  if ('isCluster' in client && has('connect') && !has('duplicate')) return 'port';
  // A sentinel client of node-redis sends commands in another way; ioredis handles sentinels within its normal client.
  if (!has('duplicate') || has('getSentinelNode')) return undefined;
  if ('status' in client && has('call')) return 'ioredis';
  return has('sendCommand') ? 'redis' : undefined;
}

/** Names an object of a client library that is not a client of a single connection. */
function wrongClient(client: unknown): string {
  const has = (name: string): boolean => typeof client === 'object' && client !== null && name in client;
  if (has('getSentinelNode')) return ', not a sentinel client of `redis`';
  if (has('totalClients')) return ', not a pool, which uses another connection for each command';
  if (has('sendCommand') && !has('duplicate')) return ', not its `legacy()` interface';
  return '';
}

/**
 * Returns the adapter for the client. @throws TypeError if the client cannot be duplicated, with its error as the
 * cause.
 */
function portOf(client: RedisSessionStoreOptions['client']): RedisPort {
  const kind = kindOf(client);
  if (kind === 'port') return client as RedisPort;
  try {
    return kind === 'ioredis' ? ioRedisPort(client as IoRedisLike) : nodeRedisPort(client as NodeRedisLike);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(
      `RedisSessionStore: expected \`client\` to be a client that can be duplicated with the options of the store, but: ${reason}`,
      { cause: error },
    );
  }
}

/** The options with their defaults, and the port for the client. */
export type ParsedRedisOptions = {
  readonly [Option in Exclude<keyof RedisSessionStoreOptions, 'client'>]-?: NonNullable<
    RedisSessionStoreOptions[Option]
  >;
} & { readonly port: RedisPort };

/** @throws TypeError that names the wrong option. */
export function parseRedisOptions(options: RedisSessionStoreOptions): ParsedRedisOptions {
  const { client, ...parsed } = parseOptions('RedisSessionStore', optionsSchema, options);
  return { ...parsed, port: portOf(client) };
}
