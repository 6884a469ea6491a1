import { startTimer } from '../../support/timers.ts';
import { backoffMillis } from '../remote/remote-call.ts';
import { failureOf, RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisConnection, RedisConnectionEvents, RedisPort, RedisReply } from './redis-client.ts';

/** A server that answers nothing in this time is as good as gone. */
const ANSWER_MILLIS = 3_000;
/** An attempt that came to nothing in this time, the handshake included, is given up. */
const CONNECT_MILLIS = 6_000;
/** A connection that stayed up so long starts the backoff anew. */
const STABLE_MILLIS = 1_000;

/** What the owner of a link hears. */
export interface LinkListener {
  /** A connection is there, perhaps after another was lost: what was under way has failed. */
  onReady(): void;
  onMessage?(channel: string): void;
  /** Messages may have been missed. */
  onResumed?(): void;
}

/**
 * One of the store's connections, renewed by this class alone: each is used until it breaks and then replaced, after
 * 50 ms to 2 s with jitter. Nothing is ever sent twice from here.
 */
export class RedisLink {
  readonly #port: RedisPort;
  readonly #listener: LinkListener;
  /** Who waits for the attempt that is under way. */
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

  /** Resolves when there is a connection; rejects when the attempt fails that is under way, or at once between attempts. */
  async ready(): Promise<void> {
    if (this.#isReady) return;
    this.#start();
    if (this.#connection === undefined) throw this.#lastCause;
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Connects, unless it did or is about to. */
  #start(): void {
    if (this.#connection !== undefined || this.#isClosed || this.#retryTimer !== undefined) return;
    let connection: RedisConnection | undefined;
    // Events of a connection that was replaced are nobody's business any more.
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

  /** Ends the connection until one is wanted again. */
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
    // Whatever the client says: it is not used any more.
  }
}

const NO_ANSWER = new RedisFailure(undefined, new Error(`Redis did not answer in ${ANSWER_MILLIS} ms`));
