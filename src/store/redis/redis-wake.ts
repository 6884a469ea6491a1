import type { Reporter } from '../../support/reporter.ts';
import { startInterval } from '../../support/timers.ts';
import type { Waiter } from '../session-store.ts';
import { failureOf } from './redis-client.ts';
import type { RedisPort } from './redis-client.ts';
import { RedisLink } from './redis-link.ts';
import type { KeepAlive, Outage } from './redis-link.ts';

/** Without any message waiting readers look again after this time: the most that a lost wake-up costs. */
const LOOK_AGAIN_MILLIS = 5_000;
const TICK_MILLIS = 250;

/** Who follows one channel. */
export class WakeChannel {
  readonly name: string;
  readonly waiters: Set<Waiter> = new Set<Waiter>();
  /** Messages arrive: whoever was not woken since its last look has nothing new to look for. */
  isLive = false;
  users = 0;
  lastWakeMillis = 0;
  /** A (un)subscription is under way; what is wanted meanwhile is looked at after it. */
  isBusy = false;

  constructor(name: string) {
    this.name = name;
  }

  wake(): void {
    // A waiter may leave, or another come, while they are woken.
    const waiters = [...this.waiters];
    for (const waiter of waiters) waiter.wake();
  }
}

/**
 * Wakes readers of this process when their session has something new: one connection, one subscription per followed
 * session. A message carries no data. A lost one costs time only: all waiters look again after each new subscription,
 * each new connection, and every 5 s.
 */
export class RedisWakeUps {
  readonly #link: RedisLink;
  readonly #reporter: Reporter;
  readonly #channels = new Map<string, WakeChannel>();
  #ticker: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    port: RedisPort,
    shared: {
      readonly keepAlive: KeepAlive;
      readonly outage: Outage;
      readonly reporter: Reporter;
    },
  ) {
    this.#reporter = shared.reporter;
    this.#link = new RedisLink(port, shared.keepAlive, shared.outage, {
      onReady: () => this.#subscribeAll(),
      onMessage: (name) => this.wake(name),
      onResumed: () => this.wakeAll(),
    });
  }

  /** The channel, subscribed to from now on until its last user releases it. */
  acquire(name: string): WakeChannel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new WakeChannel(name);
      this.#channels.set(name, channel);
    }
    channel.users += 1;
    if (channel.users === 1) this.#noteWake(channel);
    if (!this.#isClosed) {
      this.#ticker ??= startInterval(() => this.#tick(), TICK_MILLIS).unref();
      this.#link.start();
      void this.#update(channel);
    }
    return channel;
  }

  release(channel: WakeChannel): void {
    channel.users -= 1;
    if (channel.users === 0) void this.#update(channel);
  }

  /** Wakes those of this process that follow the channel. */
  wake(name: string): void {
    const channel = this.#channels.get(name);
    if (channel !== undefined) this.#wake(channel);
  }

  wakeAll(): void {
    const channels = [...this.#channels.values()];
    for (const channel of channels) channel.wake();
  }

  /** Slots have moved: a node that lost them no longer tells of their channels, and its clients may not notice. */
  renew(): void {
    this.#link.drop();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    this.#link.close();
    for (const channel of this.#channels.values()) channel.isLive = false;
    this.wakeAll();
  }

  #tick(): void {
    if (this.#channels.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
      return;
    }
    const due = performance.now() - LOOK_AGAIN_MILLIS;
    const late: WakeChannel[] = [];
    for (const channel of this.#channels.values()) {
      if (channel.lastWakeMillis > due) break;
      late.push(channel);
    }
    for (const channel of late) {
      if (!channel.isLive) void this.#update(channel);
      this.#wake(channel);
    }
  }

  #wake(channel: WakeChannel): void {
    this.#noteWake(channel);
    channel.wake();
  }

  /** To the end of the order, so that a tick sees those first that were not woken for the longest time. */
  #noteWake(channel: WakeChannel): void {
    channel.lastWakeMillis = performance.now();
    if (this.#channels.delete(channel.name)) this.#channels.set(channel.name, channel);
  }

  #subscribeAll(): void {
    const channels = [...this.#channels.values()];
    for (const channel of channels) {
      channel.isLive = false;
      void this.#update(channel);
    }
  }

  /** Brings the subscription in line with what is wanted; one step at a time per channel. */
  async #update(channel: WakeChannel): Promise<void> {
    if (channel.isBusy) return;
    channel.isBusy = true;
    try {
      while (!this.#isClosed && this.#link.isReady && channel.users > 0 !== channel.isLive) {
        if (channel.users > 0) {
          await this.#link.subscribe(channel.name);
          channel.isLive = true;
          // What came before the subscription sent no message here.
          channel.wake();
        } else {
          channel.isLive = false;
          await this.#link.unsubscribe(channel.name);
        }
      }
    } catch (error) {
      channel.isLive = false;
      const { code } = failureOf(error);
      if (code === 'MOVED') this.#link.drop(undefined, error);
      else if (code !== undefined) {
        this.#reporter.limited(
          `subscribe ${code}`,
          'Redis refuses a subscription: readers learn of entries up to 5 s late',
          error,
        );
      }
    } finally {
      channel.isBusy = false;
    }
    if (channel.users === 0 && !channel.isLive && this.#channels.get(channel.name) === channel) {
      this.#channels.delete(channel.name);
    }
  }
}
