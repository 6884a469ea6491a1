import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { createClient, createCluster } from 'redis';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-5';

import type { RedisSessionStoreOptions } from '../../../src/redis.ts';

/** What a user hands to the store. */
export type Client = RedisSessionStoreOptions['client'];

/** Who logs in: the server's default user unless named. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

export type MakeClient = (port: number, login?: Login) => Client;

/** Every client, of each major version that is supported, made as an application does. */
export const CLIENTS: Readonly<Record<string, MakeClient>> = {
  'redis 6': (port, login) => createClient({ url: `redis://127.0.0.1:${port}`, ...login }),
  'redis 5': (port, login) => createClient5({ url: `redis://127.0.0.1:${port}`, ...login }),
  'ioredis 6': (port, login) => new Redis({ port, host: '127.0.0.1', lazyConnect: true, ...login }),
  'ioredis 5': (port, login) => new Redis5({ port, host: '127.0.0.1', lazyConnect: true, ...login }),
};

/** Both clients, in the version that is installed most. */
export const BOTH_CLIENTS: Readonly<Record<string, MakeClient>> = {
  'redis 6': CLIENTS['redis 6'] as MakeClient,
  'ioredis 6': CLIENTS['ioredis 6'] as MakeClient,
};

/** The cluster clients, each told of one node. */
export const CLUSTER_CLIENTS: Readonly<Record<string, MakeClient>> = {
  'redis 6': (port, login) =>
    createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }], defaults: { ...login } }),
  'redis 5': (port, login) =>
    createCluster5({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }], defaults: { ...login } }),
  'ioredis 6': (port, login) =>
    new Cluster([{ host: '127.0.0.1', port }], { lazyConnect: true, redisOptions: { ...login } }),
  'ioredis 5': (port, login) =>
    new Cluster5([{ host: '127.0.0.1', port }], { lazyConnect: true, redisOptions: { ...login } }),
};
