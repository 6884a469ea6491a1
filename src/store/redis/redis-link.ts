import type { Episode } from '../../support/reporter.ts';
import { startInterval, startTimer } from '../../support/timers.ts';
import { failureOf, RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisConnection, RedisConnectionEvents, RedisPort, RedisReply } from './redis-client.ts';

const FIRST_BACKOFF_MILLIS = 50;
const LAST_BACKOFF_MILLIS = 2_000;
/** A server that answers nothing in this time is as good as gone; what it did meanwhile is found out afterwards. */
const ANSWER_MILLIS = 3_000;
/** An attempt that came to nothing in this time, the handshake included, is given up. */
const CONNECT_MILLIS = 6_000;
/** A connection that stayed up so long starts the backoff anew and ends an outage: cuts in a row are one outage. */
const STABLE_MILLIS = 1_000;

/** Keeps the process alive while somebody waits for Redis; the sockets themselves do not. */
export class KeepAlive {
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    this.#holders += 1;
    this.#timer ??= startInterval(() => {}, 2 ** 30);
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** What the owner of a link hears. */
export interface LinkListener {
  /** A connection is there, perhaps after another was lost: what was under way has failed. */
  onReady(): void;
  /** The connection, or the attempt to get one, has failed. */
  onLost?(): void;
  onMessage?(channel: string): void;
  /** Messages may have been missed. */
  onResumed?(): void;
}

/** The wait before the next attempt: 50 ms doubled with each failure up to 2 s, of which a random half is left out. */
export function backoffMillis(failures: number): number {
  const full = Math.min(FIRST_BACKOFF_MILLIS * 2 ** Math.min(failures, 10), LAST_BACKOFF_MILLIS);
  return full * (0.5 + Math.random() / 2);
}

/** The outage of all links of a store: one line when the first goes down, one when the last is back. */
export class Outage {
  readonly #episode: Episode;
  readonly #down = new Set<RedisLink>();

  constructor(episode: Episode) {
    this.#episode = episode;
  }

  add(link: RedisLink, cause: unknown): void {
    this.#down.add(link);
    this.#episode.begin('Redis cannot be reached; entries wait in bounds, readers wait, and it is tried again', cause);
  }

  remove(link: RedisLink): void {
    if (this.#down.delete(link) && this.#down.size === 0) this.#episode.end('Redis is back');
  }
}

/**
 * One of the store's connections, renewed by this class alone: each is used until it breaks and then replaced, after
 * 50 ms to 2 s with jitter. Commands are refused at once while there is none, and nothing is ever sent twice from here.
 */
export class RedisLink {
  readonly #port: RedisPort;
  readonly #listener: LinkListener;
  readonly #keepAlive: KeepAlive;
  readonly #outage: Outage;
  #connection: RedisConnection | undefined;
  #isReady = false;
  #isClosed = false;
  #failures = 0;
  #connectTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #stableTimer: NodeJS.Timeout | undefined;

  constructor(port: RedisPort, keepAlive: KeepAlive, outage: Outage, listener: LinkListener) {
    this.#port = port;
    this.#listener = listener;
    this.#keepAlive = keepAlive;
    this.#outage = outage;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The last attempt failed or the last connection broke, and there is no other yet. */
  get isDown(): boolean {
    return !this.#isReady && this.#failures > 0;
  }

  /** An attempt is under way. */
  get isConnecting(): boolean {
    return this.#connection !== undefined && !this.#isReady;
  }

  /** Connects, unless it did or is about to. */
  start(): void {
    if (this.#connection !== undefined || this.#isClosed || this.#retryTimer !== undefined) return;
    let connection: RedisConnection | undefined;
    // Events of a connection that was replaced are nobody's business any more.
    const isCurrent = (): boolean => connection !== undefined && this.#connection === connection;
    const events: RedisConnectionEvents = {
      ready: () => {
        if (!isCurrent()) return;
        clearTimeout(this.#connectTimer);
        this.#isReady = true;
        this.#stableTimer = startTimer(() => this.#isStable(), STABLE_MILLIS);
        this.#stableTimer.unref();
        this.#listener.onReady();
      },
      message: (channel) => this.#listener.onMessage?.(channel),
      resumed: () => this.#listener.onResumed?.(),
      closed: (cause) => {
        if (isCurrent()) this.#lost(cause);
      },
    };
    try {
      connection = this.#port.connect(events);
    } catch (error) {
      // A client's options may have changed since it was looked at; this may be a timer, where nobody catches anything.
      this.#lost(error);
      return;
    }
    this.#connection = connection;
    // A connection that is cut in the middle of its handshake may never tell (seen with node-redis 6).
    const onLate = (): void => this.drop(connection, new Error(`Redis was not ready in ${CONNECT_MILLIS} ms`));
    this.#connectTimer = startTimer(onLate, CONNECT_MILLIS).unref();
  }

  /** One reply per command; failures without a code when there is no connection, or no answer in 3 s. */
  async exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isReady) {
      this.start();
      return commands.map(() => NOT_CONNECTED);
    }
    this.#keepAlive.hold();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<readonly RedisReply[]>((resolve) => {
      timer = startTimer(() => {
        resolve(commands.map(() => NO_ANSWER));
        this.drop(connection, NO_ANSWER.cause);
      }, ANSWER_MILLIS);
    });
    try {
      return await Promise.race([connection.exec(commands), timeout]);
    } catch (error) {
      const failure = failureOf(error);
      return commands.map(() => failure);
    } finally {
      clearTimeout(timer);
      this.#keepAlive.release();
    }
  }

  async subscribe(channel: string): Promise<void> {
    if (this.#connection === undefined || !this.#isReady) throw new Error('Not connected to Redis');
    await this.#connection.subscribe(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    if (this.#isReady) await this.#connection?.unsubscribe(channel);
  }

  /** Replaces the connection: it does not answer, or no longer knows where the slots are. */
  drop(connection: RedisConnection | undefined = this.#connection, cause?: unknown): void {
    if (connection === undefined || this.#connection !== connection) return;
    closeQuietly(connection);
    this.#lost(cause);
  }

  close(): void {
    this.#isClosed = true;
    this.suspend();
  }

  /** Ends the connection until `start()` or `exec()` wants one again. */
  suspend(): void {
    this.#isReady = false;
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
    this.#retryTimer = undefined;
    if (this.#connection !== undefined) closeQuietly(this.#connection);
    this.#connection = undefined;
    this.#outage.remove(this);
  }

  #isStable(): void {
    this.#failures = 0;
    this.#outage.remove(this);
  }

  #lost(cause: unknown): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#stableTimer);
    this.#isReady = false;
    this.#connection = undefined;
    this.#failures += 1;
    // A single cut is mended before anybody notices; from the second failure on it is an outage.
    if (this.#failures > 1) this.#outage.add(this, cause);
    this.#retryTimer = startTimer(
      () => {
        this.#retryTimer = undefined;
        this.start();
      },
      backoffMillis(this.#failures - 1),
    );
    this.#retryTimer.unref();
    this.#listener.onLost?.();
  }
}

function closeQuietly(connection: RedisConnection): void {
  try {
    connection.close();
  } catch {
    // Whatever the client says: it is not used any more.
  }
}

/** What a command comes to while there is no connection. */
export const NOT_CONNECTED: RedisFailure = new RedisFailure(undefined, new Error('Not connected to Redis'));
const NO_ANSWER = new RedisFailure(undefined, new Error(`Redis did not answer in ${ANSWER_MILLIS} ms`));
