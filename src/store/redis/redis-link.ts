import { startTimer } from '../../support/timers.ts';
import { backoffMillis } from '../remote/remote-call.ts';
import { failureOf, RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisConnection, RedisConnectionEvents, RedisPort, RedisReply } from './redis-client.ts';

/** A server that does not answer in this time counts as gone. */
const ANSWER_MILLIS = 3_000;
/** An attempt to connect, including the handshake, is given up after this time. */
const CONNECT_MILLIS = 6_000;
/** A connection that stayed up for this long resets the back-off. */
const STABLE_MILLIS = 1_000;

/** Events from a link to its owner. */
export interface LinkListener {
  /** There is a connection, perhaps after another one was lost: then pending calls have failed. */
  onReady(): void;
  onMessage?(channel: string): void;
  /** Messages may have been missed. */
  onResumed?(): void;
}

/**
 * One of the store's connections, which only this class renews: it uses a connection until that breaks and replaces it
 * after 50 ms to 2 s, with jitter. It never sends anything twice.
 */
export class RedisLink {
  readonly #port: RedisPort;
  readonly #listener: LinkListener;
  /** Callers that wait for the current attempt. */
  #waiting: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = [];
  #lastCause: unknown = new Error('Not connected to Redis');
  #connection: RedisConnection | undefined;
  #isReady = false;
  #isClosed = false;
  #failures = 0;
  #connectTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #stableTimer: NodeJS.Timeout | undefined;

  constructor(port: RedisPort, listener: LinkListener) {
    this.#port = port;
    this.#listener = listener;
  }

  /** Resolves when there is a connection; rejects if the current attempt fails, or at once between attempts. */
  async ready(): Promise<void> {
    if (this.#isReady) return;
    this.#start();
    if (this.#connection === undefined) throw this.#lastCause;
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Connects, unless it is connected or connecting. */
  #start(): void {
    if (this.#connection !== undefined || this.#isClosed || this.#retryTimer !== undefined) return;
    let connection: RedisConnection | undefined;
    // Ignore events of a connection that was replaced.
    const isCurrent = (): boolean => connection !== undefined && this.#connection === connection;
    const events: RedisConnectionEvents = {
      ready: () => {
        if (!isCurrent()) return;
        clearTimeout(this.#connectTimer);
        this.#isReady = true;
        this.#stableTimer = startTimer(() => {
          this.#failures = 0;
        }, STABLE_MILLIS).unref();
        for (const { resolve } of this.#waiting.splice(0)) resolve();
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
      // A client's options may have changed since they were checked; this may run in a timer, where nobody catches
      // errors.
      this.#lost(error);
      return;
    }
    this.#connection = connection;
    // A connection that is cut during its handshake may never report it (seen with node-redis 6).
    const onLate = (): void => this.drop(connection, new Error(`Redis was not ready within ${CONNECT_MILLIS} ms`));
    this.#connectTimer = startTimer(onLate, CONNECT_MILLIS).unref();
  }

  /** Resolves to one reply per command; to failures without a code if there is no connection, or no answer in 3 s. */
  async exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isReady)
      return commands.map(() => new RedisFailure(undefined, this.#lastCause));
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
    }
  }

  async subscribe(channel: string): Promise<void> {
    if (this.#connection === undefined || !this.#isReady) throw this.#lastCause;
    await this.#connection.subscribe(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    if (this.#isReady) await this.#connection?.unsubscribe(channel);
  }

  /** Replaces a connection that does not answer or no longer knows the slots. */
  drop(connection: RedisConnection | undefined = this.#connection, cause?: unknown): void {
    if (connection === undefined || this.#connection !== connection) return;
    closeQuietly(connection);
    this.#lost(cause);
  }

  close(): void {
    this.#isClosed = true;
    this.suspend();
  }

  /** Ends the connection until one is needed again. */
  suspend(): void {
    this.#isReady = false;
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
    this.#retryTimer = undefined;
    if (this.#connection !== undefined) closeQuietly(this.#connection);
    this.#connection = undefined;
    this.#failWaiting();
  }

  #lost(cause: unknown): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#stableTimer);
    this.#isReady = false;
    this.#connection = undefined;
    this.#failures += 1;
    if (cause !== undefined) this.#lastCause = cause;
    this.#retryTimer = startTimer(
      () => {
        this.#retryTimer = undefined;
        this.#start();
      },
      backoffMillis(this.#failures - 1),
    );
    this.#retryTimer.unref();
    this.#failWaiting();
  }

  #failWaiting(): void {
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lastCause);
  }
}

function closeQuietly(connection: RedisConnection): void {
  try {
    connection.close();
  } catch {
    // Ignore the client's error: the connection is no longer used.
  }
}

const NO_ANSWER = new RedisFailure(undefined, new Error(`Redis did not answer within ${ANSWER_MILLIS} ms`));
