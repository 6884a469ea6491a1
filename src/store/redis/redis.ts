import { RemoteSessionStore } from '../remote/remote-store.ts';
import { RedisLog } from './redis-log.ts';
import { parseRedisOptions } from './redis-options.ts';
import type { RedisSessionStoreOptions } from './redis-options.ts';

/**
 * Session logs in Redis (7.0 or later) or Valkey (7.2 or later), one stream per session: what one host logs, every host
 * reads. What it promises while Redis is away, see {@link RemoteSessionStore}; what a server without persistence forgot,
 * readers are told as missed.
 *
 * @example
 * const store = new RedisSessionStore({ client: createClient({ url: 'redis://127.0.0.1:6379' }) });
 * const sessions = new SessionLogs({ store });
 */
export class RedisSessionStore extends RemoteSessionStore {
  /** @throws TypeError that names the option that is wrong. */
  constructor(options: RedisSessionStoreOptions) {
    const { port, prefix, ...rest } = parseRedisOptions(options);
    super({ ...rest, log: new RedisLog(port, prefix) });
  }
}
