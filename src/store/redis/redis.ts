import { RemoteSessionStore } from '../remote/remote-store.ts';
import { RedisLog } from './redis-log.ts';
import { parseRedisOptions } from './redis-options.ts';
import type { RedisSessionStoreOptions } from './redis-options.ts';

/**
 * Holds session logs in Redis (7.0 or later) or Valkey (7.2 or later), in one stream per session: every host can read
 * what any host logs. For what it promises while Redis is away, see {@link RemoteSessionStore}. Readers get what a
 * server without persistence forgot reported as missed.
 *
 * @example const store = new RedisSessionStore({ client: createClient({ url: 'redis://127.0.0.1:6379' }) }); const
 * sessions = new SessionLogs({ store });
 */
export class RedisSessionStore extends RemoteSessionStore {
  /** @throws TypeError that names the wrong option. */
  constructor(options: RedisSessionStoreOptions) {
    const { port, prefix, ...rest } = parseRedisOptions(options);
    super({ ...rest, log: new RedisLog(port, prefix) });
  }
}
