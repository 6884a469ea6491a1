import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import type {
  RedisCommand,
  RedisConnection,
  RedisConnectionEvents,
  RedisPort,
  RedisReply,
} from '../../../src/redis.ts';
import type { SessionCursor } from '../../../src/index.ts';

const KEY = 'session_logs:{s}:l';
const CHANNEL = 'session_logs:{s}:w';

/** A server whose answers and acknowledgements the test lets through one by one. */
class HeldPort implements RedisPort {
  readonly isCluster = false;
  readonly log: [string, string[]][] = [];
  readonly connections: RedisConnectionEvents[] = [];
  reads = 0;
  holdReads = false;
  holdSubscriptions = false;
  readonly #held: (() => void)[] = [];

  connect(events: RedisConnectionEvents): RedisConnection {
    this.connections.push(events);
    queueMicrotask(() => events.ready());
    return {
      exec: async (commands) => {
        // What a read finds is decided when the server carries it out, not when its answer arrives.
        const replies = commands.map((command) => this.#carryOut(command));
        if (this.holdReads) await this.#gate();
        return replies;
      },
      subscribe: () => (this.holdSubscriptions ? this.#gate() : Promise.resolve()),
      unsubscribe: () => Promise.resolve(),
      close: () => {},
    };
  }

  store(text: string): void {
    const sequence = String(this.log.length + 1);
    this.log.push([`${sequence}-0`, ['d', `0,${text}`, 'p', 'p', 'n', sequence]]);
  }

  tell(): void {
    for (const events of this.connections) events.message(CHANNEL);
  }

  release(): void {
    for (const open of this.#held.splice(0)) open();
  }

  #gate(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve));
  }

  #carryOut({ args }: RedisCommand): RedisReply {
    this.reads += 1;
    if (args[1] !== KEY) return [];
    if (args[0] === 'XREVRANGE') return this.log.toReversed();
    return args[2] === '-'
      ? [...this.log]
      : this.log.filter(([id]) => Number.parseInt(id) >= Number.parseInt(args[2] as string));
  }
}

/** Whether the cursor's waiter is woken soon: long before the clock makes it look again. */
async function isWokenSoon(cursor: SessionCursor): Promise<boolean> {
  let isWoken = false;
  cursor.wait({
    wake() {
      isWoken = true;
    },
  });
  await sleep(50);
  return isWoken;
}

describe('wake-ups over Redis', () => {
  it('a message that comes while a read is under way is not lost', async () => {
    const port = new HeldPort();
    const store = new RedisSessionStore({ client: port });
    const cursor = store.open('s', { from: 'start' });
    await cursor.step();
    // Subscribed from here on.
    expect(await isWokenSoon(cursor)).toBe(true);
    expect(await cursor.step()).toBe('unknown');
    expect(await isWokenSoon(cursor)).toBe(false);
    cursor.stopWaiting();
    port.tell();
    port.holdReads = true;
    const step = cursor.step();
    await turn();
    await turn();
    port.store('x');
    port.tell();
    port.holdReads = false;
    port.release();
    expect(await step).toBe('unknown');
    expect(await isWokenSoon(cursor)).toBe(true);
    expect(await cursor.step()).toBe('entry');
    cursor.leave();
    await store.close();
  });

  it('what was stored before the subscription took effect is looked for when it does', async () => {
    const port = new HeldPort();
    const store = new RedisSessionStore({ client: port });
    const cursor = store.open('s', { from: 'start' });
    expect(await cursor.step()).toBe('unknown');
    port.holdSubscriptions = true;
    expect(await isWokenSoon(cursor)).toBe(false);
    port.store('x');
    port.release();
    await sleep(20);
    expect(await cursor.step()).toBe('entry');
    expect(cursor.message).toBe('x');
    cursor.leave();
    await store.close();
  });

  it('wakes the waiter when the subscription takes effect', async () => {
    const port = new HeldPort();
    const store = new RedisSessionStore({ client: port });
    const cursor = store.open('s', { from: 'start' });
    await cursor.step();
    port.holdSubscriptions = true;
    const woken = isWokenSoon(cursor);
    await sleep(10);
    port.release();
    expect(await woken).toBe(true);
    cursor.leave();
    await store.close();
  });

  it('a cursor that nothing was said to reads nothing', async () => {
    const port = new HeldPort();
    const store = new RedisSessionStore({ client: port });
    const cursor = store.open('s', { from: 'start' });
    await cursor.step();
    await isWokenSoon(cursor);
    await cursor.step();
    const before = port.reads;
    for (let round = 0; round < 10; round += 1) expect(await cursor.step()).toBe('unknown');
    expect(port.reads).toBe(before);
    cursor.leave();
    await store.close();
  });

  it('the second cursor of a session looks once more when it begins to wait', async () => {
    const port = new HeldPort();
    const store = new RedisSessionStore({ client: port });
    const first = store.open('s', { from: 'start' });
    await first.step();
    await isWokenSoon(first);
    const second = store.open('s', { from: 'start' });
    expect(await second.step()).toBe('unknown');
    // Stored and told between its look and its wait, when the message found only the first waiting.
    port.store('x');
    port.tell();
    expect(await isWokenSoon(second)).toBe(true);
    expect(await second.step()).toBe('entry');
    first.leave();
    second.leave();
    await store.close();
  });

  it('a new connection makes every waiter look again', async () => {
    const port = new HeldPort();
    const store = new RedisSessionStore({ client: port });
    const cursor = store.open('s', { from: 'start' });
    await cursor.step();
    await isWokenSoon(cursor);
    await cursor.step();
    let wakes = 0;
    cursor.wait({
      wake() {
        wakes += 1;
      },
    });
    await turn();
    const before = wakes;
    port.connections.at(-1)?.closed(new Error('cut'));
    await sleep(150);
    expect(wakes).toBeGreaterThan(before);
    cursor.leave();
    await store.close();
  });
});
