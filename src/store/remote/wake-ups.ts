import type { Reporter } from '../../support/reporter.ts';
import { startInterval, startTimer } from '../../support/timers.ts';
import type { Waiter } from '../session-store.ts';
import type { Outage } from './outage.ts';
import type { CallFailed, RemoteCalls } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteLog } from './remote-log.ts';

/** Waiting readers look again after this time without any wake-up, which is the most that a lost one costs. */
const LOOK_AGAIN_MILLIS = 5_000;
const TICK_MILLIS = 250;

/** The waiters of one session. */
export class WakeChannel {
  readonly name: string;
  readonly waiters: Set<Waiter> = new Set<Waiter>();
  /** Whether the watch is active: then a waiter that was not woken since its last look has nothing new to look for. */
  isLive = false;
  users = 0;
  lastWakeMillis = 0;
  /** Whether a call is running; what is wanted meanwhile is checked after it. */
  isBusy = false;
  /** Grows with each renewal: what was requested before it is requested again. */
  renewals = 0;
  /** When a lease of the session may lapse; `Infinity` while that is being asked, or if none ever can. */
  lapseMillis = 0;
  lapseTimer: NodeJS.Timeout | undefined;

  constructor(name: string) {
    this.name = name;
  }

  wake(): void {
    // Copied, because waiters may leave or come while others are woken.
    const waiters = [...this.waiters];
    for (const waiter of waiters) waiter.wake();
  }
}

/** Sets when to ask next whether a lease has lapsed, and clears any other timer. */
function lapseAt(channel: WakeChannel, millis: number): void {
  clearTimeout(channel.lapseTimer);
  channel.lapseMillis = millis;
}

/**
 * Wakes readers of this process when their session has something new, with one watch per followed session. A wake-up
 * carries no data, and a lost one costs only time: all waiters look again after each new watch, and every 5 s.
 */
export class WakeUps {
  readonly #log: RemoteLog;
  readonly #calls: RemoteCalls;
  readonly #outage: Outage;
  readonly #reporter: Reporter;
  readonly #channels = new Map<string, WakeChannel>();
  readonly #leaseMillis: number;
  readonly #lookAgainMillis: number;
  #ticker: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param leaseMillis How long a producer may be silent before its answer is abandoned. */
  constructor(
    log: RemoteLog,
    leaseMillis: number,
    shared: { readonly calls: RemoteCalls; readonly outage: Outage; readonly reporter: Reporter },
  ) {
    this.#log = log;
    this.#leaseMillis = leaseMillis;
    this.#lookAgainMillis = Math.max(100, Math.min(LOOK_AGAIN_MILLIS, leaseMillis));
    this.#calls = shared.calls;
    this.#outage = shared.outage;
    this.#reporter = shared.reporter;
  }

  /** Returns the channel of a session, which is watched until its last user releases it. */
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
      void this.#update(channel);
    }
    return channel;
  }

  release(channel: WakeChannel): void {
    channel.users -= 1;
    if (channel.users > 0) return;
    clearTimeout(channel.lapseTimer);
    void this.#update(channel);
  }

  /** Wakes the waiters of this process for the session. */
  wake(name: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    // The new entry may have begun an answer, or postponed its end.
    lapseAt(channel, 0);
    this.#wake(channel);
  }

  /** Renews all watches, because they are gone. */
  renew(): void {
    const channels = [...this.#channels.values()];
    for (const channel of channels) {
      channel.isLive = false;
      channel.renewals += 1;
      lapseAt(channel, 0);
      this.#noteWake(channel);
      void this.#update(channel);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    const channels = [...this.#channels.values()];
    for (const channel of channels) {
      channel.isLive = false;
      clearTimeout(channel.lapseTimer);
      channel.wake();
    }
  }

  #tick(): void {
    if (this.#channels.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
      return;
    }
    const now = performance.now();
    const due = now - this.#lookAgainMillis;
    const late: WakeChannel[] = [];
    for (const channel of this.#channels.values()) {
      if (channel.lastWakeMillis > due) break;
      late.push(channel);
    }
    for (const channel of late) {
      if (!channel.isLive) void this.#update(channel);
      if (channel.lapseMillis <= now) void this.#lapse(channel);
      this.#wake(channel);
    }
  }

  /**
   * Called when nothing came for a while: ends answers whose producers are gone, and asks when the next one may have to
   * end.
   */
  async #lapse(channel: WakeChannel): Promise<void> {
    // Until there is an answer, unless a message comes first.
    lapseAt(channel, Infinity);
    // Producers were cut off too: give them time to come back.
    const isBack = performance.now() - this.#calls.answersSinceMillis >= LOOK_AGAIN_MILLIS;
    const left = isBack ? await this.#askToLapse(channel) : this.#lookAgainMillis;
    if (channel.lapseMillis !== Infinity || channel.users === 0 || this.#isClosed) return;
    if (left === undefined) {
      // A wake-up may be lost: ask again when a lease that is taken now may lapse.
      lapseAt(channel, performance.now() + this.#leaseMillis);
      return;
    }
    const millis = Math.max(100, left);
    lapseAt(channel, performance.now() + millis);
    channel.lapseTimer = startTimer(() => void this.#lapse(channel), millis).unref();
  }

  /** Resolves to the milliseconds until it should ask again; `undefined` if there is no lease. */
  async #askToLapse({ name }: WakeChannel): Promise<number | undefined> {
    try {
      return await this.#calls.answerOf(() => this.#log.lapse(name));
    } catch (error) {
      this.#failed(error as CallFailed, 'to end answers whose producers are gone: they stay open');
      return this.#lookAgainMillis;
    }
  }

  #wake(channel: WakeChannel): void {
    this.#noteWake(channel);
    channel.wake();
  }

  /** Moves it to the end of the order, so that a tick first sees those that have not been woken for longest. */
  #noteWake(channel: WakeChannel): void {
    channel.lastWakeMillis = performance.now();
    if (this.#channels.delete(channel.name)) this.#channels.set(channel.name, channel);
  }

  /** Makes the watch what is wanted, one step at a time per channel. */
  async #update(channel: WakeChannel): Promise<void> {
    if (channel.isBusy) return;
    channel.isBusy = true;
    while (!this.#isClosed && channel.users > 0 !== channel.isLive) {
      const { renewals } = channel;
      const isDone = await (channel.users > 0 ? this.#watch(channel) : this.#unwatch(channel));
      if (!isDone && channel.renewals === renewals) break;
      if (channel.renewals !== renewals) channel.isLive = false;
    }
    channel.isBusy = false;
    if (channel.users === 0 && !channel.isLive && this.#channels.get(channel.name) === channel) {
      this.#channels.delete(channel.name);
    }
  }

  async #watch(channel: WakeChannel): Promise<boolean> {
    try {
      await this.#calls.answerOf(() => this.#log.watch(channel.name));
    } catch (error) {
      this.#failed(error as CallFailed);
      return false;
    }
    this.#outage.succeeded('watch');
    channel.isLive = true;
    // Entries from before the watch sent no wake-up here.
    channel.wake();
    return true;
  }

  async #unwatch(channel: WakeChannel): Promise<boolean> {
    channel.isLive = false;
    try {
      await this.#calls.answerOf(() => this.#log.unwatch(channel.name));
    } catch (error) {
      this.#failed(error as CallFailed);
      return false;
    }
    return true;
  }

  #failed({ cause }: CallFailed, what = 'a subscription: readers learn of entries up to 5 s late'): void {
    if (!(cause instanceof RemoteRefusal)) {
      if (!this.#isClosed) this.#outage.failed('watch', cause);
    } else if (cause.isFinal) {
      this.#reporter.limited(`${what} ${cause.code}`, `${this.#log.name} refuses ${what}`, cause.cause ?? cause);
    }
  }
}
