export { RedisSessionStore } from './store/redis.ts';
export type { RedisSessionStoreOptions } from './store/redis-options.ts';
export { RedisFailure } from './store/redis-client.ts';
export type {
  RedisCommand,
  RedisConnection,
  RedisConnectionEvents,
  RedisPort,
  RedisReply,
} from './store/redis-client.ts';
export type { IoRedisLike } from './store/redis-ioredis.ts';
export type { NodeRedisLike } from './store/redis-node-redis.ts';
