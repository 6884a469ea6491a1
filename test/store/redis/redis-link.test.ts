import { describe, expect, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import type { RedisConnection, RedisPort, RedisReply } from '../../../src/redis.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { until } from '../../support/until.ts';

type Part = 'connect' | 'exec' | 'subscribe' | 'unsubscribe' | 'close';

/** A port that throws, within the call, in the named parts. */
class ThrowingPort implements RedisPort {
  readonly isCluster = false;
  readonly throwing = new Set<Part>();
  calls = 0;
  stored = 0;

  connect(events: { ready(): void }): RedisConnection {
    this.#may('connect');
    queueMicrotask(() => events.ready());
    return {
      exec: (commands) => {
        this.#may('exec');
        return Promise.resolve(commands.map(({ args }) => this.#carryOut(args)));
      },
      subscribe: () => {
        this.#may('subscribe');
        return Promise.resolve();
      },
      unsubscribe: () => {
        this.#may('unsubscribe');
        return Promise.resolve();
      },
      close: () => this.#may('close'),
    };
  }

  #carryOut(args: readonly string[]): RedisReply {
    if (args[0] !== 'EVALSHA') return args[0] === 'XRANGE' || args[0] === 'XREVRANGE' ? [] : 1;
    if (!args.some((arg) => arg.endsWith(',x'))) return -1;
    this.stored += 1;
    return '';
  }

  #may(part: Part): void {
    this.calls += 1;
    if (this.throwing.has(part)) throw new Error(`${part} of the client`);
  }
}

describe('a client that throws', () => {
  const diagnostics = recordDiagnostics();

  for (const parts of [['connect'], ['exec'], ['exec', 'close'], ['subscribe', 'unsubscribe', 'close']] as Part[][]) {
    it(`in ${parts.join(', ')}: nothing comes out of a timer or a promise; when it is over everything goes on`, async () => {
      const port = new ThrowingPort();
      for (const part of parts) port.throwing.add(part);
      const store = new RedisSessionStore({ client: port });
      const cursor = store.open('s', { from: 'start' });
      cursor.wait({ wake() {} });
      store.append('s', 'x', 0, undefined);
      await until(() => port.calls >= 8);
      expect(store.stats().lost).toEqual({});
      port.throwing.clear();
      await store.flush();
      expect(port.stored).toBe(1);
      for (const part of parts) port.throwing.add(part);
      cursor.leave();
      await store.close();
      expect(diagnostics.lines.length).toBeLessThanOrEqual(2);
    });
  }
});
