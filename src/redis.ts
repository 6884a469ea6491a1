/**
 * Sessions that several hosts share, in Redis or Valkey, by a client of the application's.
 *
 * @module otel-session-logs/redis
 */
export { RedisSessionStore } from './store/redis/redis.ts';
export type { RedisSessionStoreOptions } from './store/redis/redis-options.ts';
export { RedisFailure } from './store/redis/redis-client.ts';
export type {
  RedisCommand,
  RedisConnection,
  RedisConnectionEvents,
  RedisPort,
  RedisReply,
} from './store/redis/redis-client.ts';
export type { IoRedisLike } from './store/redis/redis-ioredis.ts';
export type { NodeRedisLike } from './store/redis/redis-node-redis.ts';
