import { startTimer } from '../../support/timers.ts';
import { RemoteRefusal } from '../remote/remote-log.ts';
import { RedisFailure } from './redis-client.ts';
import type { RedisCommand, RedisReply } from './redis-client.ts';
import type { RedisLink } from './redis-link.ts';

const BATCH_COMMANDS = 500;
/** After the store is closed a reader may still read: the connection is kept for so long after an answer. */
const LINGER_MILLIS = 1_000;

/** Refusals that pass: the server is full, a replica now, loading, or in the middle of a change of its cluster. */
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
/** Of these, the ones that another connection may not meet: it finds another primary, or knows where the slots are. */
const CONNECTION_CODES: ReadonlySet<string> = new Set(['READONLY', 'MOVED', 'ASK', 'MASTERDOWN', 'NOAUTH']);

/** What a failure is to the store: a refusal, or whatever broke. */
export function reasonOf({ code, cause }: RedisFailure): unknown {
  return code === undefined ? cause : new RemoteRefusal(code, { isFinal: !PASSING_CODES.has(code), cause });
}

interface Asked {
  readonly command: RedisCommand;
  readonly resolve: (reply: RedisReply) => void;
  readonly reject: (reason: unknown) => void;
}

/** The calls over one connection: what is asked together goes out in one go. */
export class RedisCalls {
  readonly #link: RedisLink;
  readonly #onMoved: () => void;
  readonly #defer: (callback: () => void) => unknown;
  #asked: Asked[] = [];
  #underWay = 0;
  #isClosed = false;
  #lingerTimer: NodeJS.Timeout | undefined;

  /**
   * @param onMoved A slot has another owner.
   * @param defer Calls back when all is asked that goes out together.
   */
  constructor(link: RedisLink, onMoved: () => void, defer: (callback: () => void) => unknown) {
    this.#link = link;
    this.#onMoved = onMoved;
    this.#defer = defer;
  }

  /** The reply. Waits for a connection under way, but never longer than one attempt takes. */
  ask(command: RedisCommand): Promise<RedisReply> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ command, resolve, reject });
      if (this.#asked.length === 1) this.#defer(() => void this.#flush());
    });
  }

  /** Ends the connection; a call that comes all the same gets another one for a while. */
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
