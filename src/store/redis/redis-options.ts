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
   * A client of `redis` (node-redis) 5 or later or of `ioredis` 5 or later, standalone or cluster; or an own
   * {@link RedisPort}. It is duplicated for each of the store's three connections, and never used or closed itself. Where it
   * connects to, and as whom, is taken over; what it does with commands, replies, time-outs, queues, new connections and a key
   * prefix is not. A pool, a sentinel client of `redis` and the `legacy()` interface are refused; `ioredis` knows sentinels itself.
   */
  readonly client: NodeRedisLike | IoRedisLike | RedisPort;
  /** What every key and channel of this store begins with, letters, digits and `_ . : / -`. @default 'session_logs' */
  readonly prefix?: string | undefined;
  /** Entries kept of one session, about: Redis cuts a stream by whole nodes, so up to a hundred more stay. @default 10_000 */
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

/** By what a client has, since the package imports none. */
function kindOf(client: unknown): ClientKind | undefined {
  if (typeof client !== 'object' || client === null) return undefined;
  const has = (method: string): boolean => typeof (client as Record<string, unknown>)[method] === 'function';
  if ('isCluster' in client && has('connect') && !has('duplicate')) return 'port';
  // A sentinel client of node-redis sends otherwise than a client; ioredis does sentinels within its own.
  if (!has('duplicate') || has('getSentinelNode')) return undefined;
  if ('status' in client && has('call')) return 'ioredis';
  return has('sendCommand') ? 'redis' : undefined;
}

/** What is no client of one connection, though a client library made it. */
function wrongClient(client: unknown): string {
  const has = (name: string): boolean => typeof client === 'object' && client !== null && name in client;
  if (has('getSentinelNode')) return ', not a sentinel client of `redis`';
  if (has('totalClients')) return ', not a pool: its clients are one for each command';
  if (has('sendCommand') && !has('duplicate')) return ', not its `legacy()` interface';
  return '';
}

/** The adapter that fits. @throws TypeError when the client cannot be duplicated, with what it says as the cause. */
function portOf(client: RedisSessionStoreOptions['client']): RedisPort {
  const kind = kindOf(client);
  if (kind === 'port') return client as RedisPort;
  try {
    return kind === 'ioredis' ? ioRedisPort(client as IoRedisLike) : nodeRedisPort(client as NodeRedisLike);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(
      `RedisSessionStore: expected \`client\` to be one that can be duplicated with the options of the store, but: ${reason}`,
      { cause: error },
    );
  }
}

/** Options with every default filled in, and the port that fits the client. */
export type ParsedRedisOptions = {
  readonly [Option in Exclude<keyof RedisSessionStoreOptions, 'client'>]-?: NonNullable<
    RedisSessionStoreOptions[Option]
  >;
} & { readonly port: RedisPort };

/** @throws TypeError that names the option that is wrong. */
export function parseRedisOptions(options: RedisSessionStoreOptions): ParsedRedisOptions {
  const { client, ...parsed } = parseOptions('RedisSessionStore', optionsSchema, options);
  return { ...parsed, port: portOf(client) };
}
