import { startTimer } from '../../support/timers.ts';
import { RemoteRefusal } from '../remote/remote-log.ts';
import { RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisReply } from './redis-client.ts';
import type { RedisLink } from './redis-link.ts';

const BATCH_COMMANDS = 500;
/** A reader may still read after the store is closed: keep the connection this long after an answer. */
const LINGER_MILLIS = 1_000;

/** Temporary refusals: the server is full, is now a replica, is loading, or its cluster is changing. */
const PASSING_CODES: ReadonlySet<string> = new Set([
  'OOM',
  'READONLY',
  'LOADING',
  'CLUSTERDOWN',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'BUSY',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'NOAUTH',
]);
/** Those of them that another connection may avoid, because it finds another primary or knows the current slots. */
const CONNECTION_CODES: ReadonlySet<string> = new Set(['READONLY', 'MOVED', 'ASK', 'MASTERDOWN', 'NOAUTH']);

/** Translates a failure for the store: into a refusal, or the cause. */
export function reasonOf({ code, cause }: RedisFailure): unknown {
  return code === undefined ? cause : new RemoteRefusal(code, { isFinal: !PASSING_CODES.has(code), cause });
}

interface Asked {
  readonly command: RedisCommand;
  readonly resolve: (reply: RedisReply) => void;
  readonly reject: (reason: unknown) => void;
}

/** Makes calls over one connection; calls made together are sent together. */
export class RedisCalls {
  readonly #link: RedisLink;
  readonly #onMoved: () => void;
  readonly #defer: (callback: () => void) => unknown;
  #asked: Asked[] = [];
  #underWay = 0;
  #isClosed = false;
  #lingerTimer: NodeJS.Timeout | undefined;

  /**
   * @param onMoved Called when a slot has another owner.
   * @param defer Calls back when all calls that are sent together have been made.
   */
  constructor(link: RedisLink, onMoved: () => void, defer: (callback: () => void) => unknown) {
    this.#link = link;
    this.#onMoved = onMoved;
    this.#defer = defer;
  }

  /** Resolves to the reply. Waits for a connection that is being made, but never longer than one attempt. */
  ask(command: RedisCommand): Promise<RedisReply> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ command, resolve, reject });
      if (this.#asked.length === 1) this.#defer(() => void this.#flush());
    });
  }

  /** Ends the connection; a later call still gets another one for a while. */
  close(): void {
    this.#isClosed = true;
    if (this.#underWay === 0) this.#link.suspend();
  }

  async #flush(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    this.#underWay += 1;
    clearTimeout(this.#lingerTimer);
    try {
      await this.#link.ready();
      const batches: Promise<void>[] = [];
      for (let at = 0; at < asked.length; at += BATCH_COMMANDS)
        batches.push(this.#send(asked.slice(at, at + BATCH_COMMANDS)));
      await Promise.all(batches);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#underWay -= 1;
    if (!this.#isClosed || this.#underWay > 0) return;
    this.#lingerTimer = startTimer(() => {
      if (this.#underWay === 0) this.#link.suspend();
    }, LINGER_MILLIS).unref();
  }

  async #send(asked: readonly Asked[]): Promise<void> {
    const replies = await this.#link.exec(asked.map(({ command }) => command));
    let cure: RedisFailure | undefined;
    asked.forEach(({ resolve, reject }, index) => {
      const reply = replies[index];
      if (!(reply instanceof RedisFailure)) return resolve(reply);
      if (reply.code !== undefined && CONNECTION_CODES.has(reply.code)) cure = reply;
      reject(reasonOf(reply));
    });
    if (cure === undefined) return;
    this.#link.drop(undefined, cure.cause);
    if (cure.code === 'MOVED') this.#onMoved();
  }
}
