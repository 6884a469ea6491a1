import type { Reporter } from '../../support/reporter.ts';
import { nextTurn, startWorkTimer, stopWorkTimer } from '../../support/timers.ts';
import type { RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisPort, RedisReply } from './redis-client.ts';
import { backoffMillis, NOT_CONNECTED, RedisLink } from './redis-link.ts';
import type { KeepAlive, Outage } from './redis-link.ts';
import { isFinal } from './redis-verdict.ts';
import type { Waiter } from '../session-store.ts';

const BATCH_COMMANDS = 500;

interface Asked {
  readonly command: RedisCommand;
  readonly resolve: (reply: RedisReply) => void;
}

/** The reading connection of a store: what cursors ask in one tick goes out in one go. */
export class RedisReads {
  readonly #link: RedisLink;
  readonly #onMoved: () => void;
  readonly #reporter: Reporter;
  #asked: Asked[] = [];
  #isFlushDue = false;
  /** Whose last read failed. */
  readonly #failed = new Set<Waiter>();
  #failures = 0;
  #underWay = 0;
  #isNeeded: (() => boolean) | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(
    port: RedisPort,
    shared: { readonly keepAlive: KeepAlive; readonly outage: Outage; readonly reporter: Reporter },
    onMoved: () => void,
  ) {
    this.#onMoved = onMoved;
    this.#reporter = shared.reporter;
    this.#link = new RedisLink(port, shared.keepAlive, shared.outage, {
      onReady: () => this.#flushAndRetry(),
      onLost: () => {
        this.#failAsked();
        this.suspendIfIdle();
      },
    });
  }

  /** The reply, or a failure. Waits for a connection under way, but never longer than one attempt takes. */
  ask(command: RedisCommand): Promise<RedisReply> {
    return new Promise((resolve) => {
      this.#asked.push({ command, resolve });
      if (this.#isFlushDue) return;
      this.#isFlushDue = true;
      nextTurn(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    });
  }

  /** The waiter is woken when another read may succeed: after a new connection, or a while after a refusal. */
  retryLater(waiter: Waiter, failure: RedisFailure): void {
    this.#failed.add(waiter);
    if (isFinal(failure)) {
      const message = `Redis cannot be read (${failure.code}): readers wait, and it is tried again`;
      this.#reporter.limited(`read ${failure.code}`, message, failure.cause);
    }
    if (failure.code === 'MOVED') this.#onMoved();
    if (failure.code === 'MOVED' || failure.code === 'READONLY' || failure.code === 'NOAUTH') this.#link.drop();
    if (failure.code === undefined || this.#retryTimer !== undefined) return;
    this.#retryTimer = startWorkTimer(() => {
      this.#retryTimer = undefined;
      this.#failures += 1;
      this.#wakeFailed();
    }, backoffMillis(this.#failures)).unref();
  }

  forget(waiter: Waiter): void {
    this.#failed.delete(waiter);
  }

  /** From now on the connection lasts only while `isNeeded` or while an answer is awaited. */
  close(isNeeded: () => boolean): void {
    this.#isNeeded = isNeeded;
    this.suspendIfIdle();
  }

  suspendIfIdle(): void {
    if (this.#isNeeded === undefined || this.#isNeeded() || this.#underWay > 0 || this.#asked.length > 0) return;
    stopWorkTimer(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#link.suspend();
  }

  #flushAndRetry(): void {
    this.#failures = 0;
    this.#flush();
    this.#wakeFailed();
  }

  #wakeFailed(): void {
    const waiters = [...this.#failed];
    this.#failed.clear();
    for (const waiter of waiters) waiter.wake();
  }

  /** No connection came of the attempt: whoever asked meanwhile learns it now, and is woken when one is there. */
  #failAsked(): void {
    const asked = this.#asked;
    this.#asked = [];
    for (const { resolve } of asked) resolve(NOT_CONNECTED);
  }

  #flush(): void {
    this.#link.start();
    if (this.#link.isConnecting) return;
    while (this.#asked.length > 0) {
      const batch = this.#asked.splice(0, BATCH_COMMANDS);
      this.#underWay += 1;
      void this.#link.exec(batch.map(({ command }) => command)).then((replies) => {
        this.#underWay -= 1;
        batch.forEach(({ resolve }, index) => resolve(replies[index]));
        // A look that goes on after this answer has asked by then.
        if (this.#isNeeded !== undefined) nextTurn(() => this.suspendIfIdle());
      });
    }
  }
}
