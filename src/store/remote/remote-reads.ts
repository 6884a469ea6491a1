import type { Reporter } from '../../support/reporter.ts';
import { startTimer } from '../../support/timers.ts';
import type { Waiter } from '../session-store.ts';
import type { Outage } from './outage.ts';
import { backoffMillis } from './remote-call.ts';
import type { CallFailed, RemoteCalls } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteLog, RemoteRange } from './remote-log.ts';
import { StoredItem } from './stored-item.ts';

/** After this long without a failure, the back-off is reset. */
const CALM_MILLIS = 10_000;

/**
 * Reads a log for cursors, and decides when cursors whose read failed try again. Every call may throw {@link
 * CallFailed}.
 */
export class RemoteReads {
  readonly #log: RemoteLog;
  readonly #calls: RemoteCalls;
  readonly #outage: Outage;
  readonly #reporter: Reporter;
  /** Waiters whose last read failed. */
  readonly #failed = new Set<Waiter>();
  #failures = 0;
  #lastFailureMillis = -Infinity;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(
    log: RemoteLog,
    shared: { readonly calls: RemoteCalls; readonly outage: Outage; readonly reporter: Reporter },
  ) {
    this.#log = log;
    this.#calls = shared.calls;
    this.#outage = shared.outage;
    this.#reporter = shared.reporter;
  }

  read(session: string, range: RemoteRange): Promise<StoredItem[]> {
    return this.#ask(async () => (await this.#log.read(session, range)).map((item) => new StoredItem(item)));
  }

  claim(session: string): Promise<StoredItem | undefined> {
    return this.#ask(async () => {
      const item = await this.#log.claim(session);
      return item && new StoredItem(item);
    });
  }

  setAside(session: string, id: string): Promise<void> {
    return this.#ask(() => this.#log.setAside(session, id));
  }

  /** Makes the log append the ends of answers whose producers are gone. */
  async lapse(session: string): Promise<void> {
    await this.#ask(() => this.#log.lapse(session));
  }

  /** Whether an id from outside can be one of this log. */
  isId(id: string): boolean {
    return this.#log.isId(id);
  }

  /** Wakes the waiter when another read may succeed. */
  retryLater(waiter: Waiter, { cause }: CallFailed): void {
    this.#failed.add(waiter);
    if (cause instanceof RemoteRefusal && cause.isFinal) {
      const message = `${this.#log.name} cannot be read (${cause.code}): readers wait, and the store keeps trying`;
      this.#reporter.limited(`read ${cause.code}`, message, cause.cause ?? cause);
    }
    const now = performance.now();
    if (now - this.#lastFailureMillis > CALM_MILLIS) this.#failures = 0;
    this.#lastFailureMillis = now;
    this.#retryTimer ??= startTimer(() => {
      this.#failures += 1;
      this.#wakeFailed();
    }, backoffMillis(this.#failures)).unref();
  }

  forget(waiter: Waiter): void {
    this.#failed.delete(waiter);
  }

  /** Retries failed reads now. */
  retry(): void {
    this.#failures = 0;
    this.#wakeFailed();
  }

  #wakeFailed(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    const waiters = [...this.#failed];
    this.#failed.clear();
    for (const waiter of waiters) waiter.wake();
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      const answer = await this.#calls.answerOf(call);
      this.#outage.succeeded('read');
      return answer;
    } catch (error) {
      const { cause } = error as CallFailed;
      if (!(cause instanceof RemoteRefusal)) this.#outage.failed('read', cause);
      throw error;
    }
  }
}
