import { nextMicrotask, nextTurn } from '../../support/timers.ts';
import { messageOf } from '../../support/errors.ts';
import { reporterFor } from '../../support/reporter.ts';
import { RemoteRefusal } from '../remote/remote-log.ts';
import type {
  RemoteAppend,
  RemoteErasure,
  RemoteItem,
  RemoteLog,
  RemoteLogEvents,
  RemoteRange,
} from '../remote/remote-log.ts';
import { failureOf } from './redis-client.ts';
import type { RedisPort, RedisReply } from './redis-client.ts';
import { reasonOf, RedisCalls } from './redis-calls.ts';
import { itemIdOf, sessionKeys, sessionOf, streamIdIn, streamIdOf } from './redis-keys.ts';
import type { SessionKeys } from './redis-keys.ts';
import { RedisLink } from './redis-link.ts';
import {
  APPEND,
  appendArguments,
  ERASE,
  eraseArguments,
  LAPSE,
  lapseArguments,
  SCRIPT_RIGHTS,
} from './redis-script.ts';
import type { RedisScript } from './redis-script.ts';

/** The consumer group of a session's stream, whose position is the shared work position. */
const GROUP = 'w';
const CONSUMER = 'c';
/** Number of sessions whose keys are kept: sending the same strings again costs half. */
const MAX_KEYS = 10_000;

/** A log in Redis: a stream and a set of positions per session, wake-ups over pub/sub. Three connections. */
export class RedisLog implements RemoteLog {
  readonly name = 'Redis';
  readonly keeps: string =
    'what Redis keeps outside its memory: an append-only file until it is rewritten (BGREWRITEAOF), snapshots, disconnected replicas, and backups';
  readonly #prefix: string;
  readonly #publish: 'PUBLISH' | 'SPUBLISH';
  readonly #writingLink: RedisLink;
  readonly #writing: RedisCalls;
  readonly #reading: RedisCalls;
  readonly #hearing: RedisLink;
  readonly #reporter = reporterFor('redis');
  readonly #keys = new Map<string, SessionKeys>();
  #events: RemoteLogEvents | undefined;
  #hasWatched = false;

  constructor(port: RedisPort, prefix: string) {
    this.#prefix = prefix;
    this.#publish = port.isCluster ? 'SPUBLISH' : 'PUBLISH';
    const retry = (): void => this.#events?.retry();
    // A node that lost slots no longer sends messages of their channels, and its clients may not notice.
    const onMoved = (): void => this.#hearing.drop();
    this.#writingLink = new RedisLink(port, { onReady: retry });
    this.#writing = new RedisCalls(this.#writingLink, onMoved, nextMicrotask);
    this.#reading = new RedisCalls(new RedisLink(port, { onReady: retry }), onMoved, nextTurn);
    const renew = (): void => {
      if (this.#hasWatched) this.#events?.renewWatches();
    };
    this.#hearing = new RedisLink(port, {
      onReady: renew,
      onResumed: renew,
      onMessage: (channel) => this.#events?.wake(sessionOf(prefix, channel)),
    });
  }

  start(events: RemoteLogEvents): void {
    this.#events = events;
  }

  async append(append: RemoteAppend): Promise<void> {
    const keys = this.#keysOf(append.session);
    const reply = await this.#run(this.#writing, APPEND, keys.log, appendArguments(append, keys, this.#publish));
    if (String(reply) !== '') this.#tellOfRefused(String(reply));
  }

  async read(session: string, { direction, from, limit }: RemoteRange): Promise<readonly RemoteItem[]> {
    const key = this.#keysOf(session).log;
    const [command, first, last] = direction === 'forward' ? ['XRANGE', '-', '+'] : ['XREVRANGE', '+', '-'];
    const begin = from === undefined ? first : streamIdIn(from);
    const args = [command, key, begin, last, 'COUNT', String(limit)] as string[];
    return itemsOf(await this.#reading.ask({ key, args }));
  }

  /** A consumer group read with NOACK. */
  async claim(session: string): Promise<RemoteItem | undefined> {
    const key = this.#keysOf(session).log;
    const args = ['XREADGROUP', 'GROUP', GROUP, CONSUMER, 'COUNT', '1', 'NOACK', 'STREAMS', key, '>'];
    try {
      return firstItem(await this.#reading.ask({ key, args }));
    } catch (error) {
      if (codeOf(error) !== 'NOGROUP') throw error;
    }
    try {
      await this.#reading.ask({ key, args: ['XGROUP', 'CREATE', key, GROUP, '0'] });
    } catch (error) {
      // There is no such key, so there is no session.
      if (codeOf(error) === 'ERR') return undefined;
      // Another host was faster.
      if (codeOf(error) !== 'BUSYGROUP') throw error;
    }
    return this.claim(session);
  }

  /**
   * Makes it a pending entry of the group, the only kind there is, because all others are claimed with NOACK.
   * XREADGROUP finds it there, and only one of several XACKs removes it.
   */
  async setAside(session: string, id: string): Promise<void> {
    const key = this.#keysOf(session).log;
    const args = ['XCLAIM', key, GROUP, CONSUMER, '0', streamIdIn(id), 'FORCE', 'JUSTID'];
    await this.#reading.ask({ key, args });
  }

  async watch(session: string): Promise<void> {
    await this.#hearing.ready();
    try {
      await this.#hearing.subscribe(this.#keysOf(session).wake);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === 'MOVED') this.#hearing.drop(undefined, error);
      throw reasonOf(failure);
    }
    this.#hasWatched = true;
  }

  async unwatch(session: string): Promise<void> {
    try {
      await this.#hearing.unsubscribe(this.#keysOf(session).wake);
    } catch (error) {
      throw reasonOf(failureOf(error));
    }
  }

  async lapse(session: string): Promise<number | undefined> {
    const keys = this.#keysOf(session);
    const left = Number(await this.#run(this.#reading, LAPSE, keys.log, lapseArguments(keys, this.#publish)));
    return left >= 0 ? left : undefined;
  }

  async erase(session: string, { counted, farewell }: RemoteErasure): Promise<number> {
    const keys = this.#keysOf(session);
    return Number(
      await this.#run(this.#writing, ERASE, keys.log, eraseArguments(keys, counted, farewell, this.#publish)),
    );
  }

  isId(text: string): boolean {
    return streamIdOf(text) !== undefined;
  }

  close(): void {
    this.#writingLink.close();
    this.#hearing.close();
    this.#reading.close();
  }

  async #run(calls: RedisCalls, { byHash, byText }: RedisScript, key: string, args: string[]): Promise<RedisReply> {
    try {
      try {
        return await calls.ask({ key, args: [...byHash, ...args] });
      } catch (error) {
        if (codeOf(error) !== 'NOSCRIPT') throw error;
        return await calls.ask({ key, args: [...byText, ...args] });
      }
    } catch (error) {
      throw this.#withAdvice(error);
    }
  }

  #keysOf(session: string): SessionKeys {
    let keys = this.#keys.get(session);
    if (keys === undefined) {
      if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
      this.#keys.set(session, (keys = sessionKeys(this.#prefix, session)));
    }
    return keys;
  }

  #tellOfRefused(refusal: string): void {
    const message = `Redis refuses a part of the work (${refusal}): sessions may not expire, readers may learn of entries late, or answers may stay open after their producers are gone`;
    this.#reporter.limited('part', message);
  }

  /** Adds to a refusal for lack of rights which rights are needed. */
  #withAdvice(error: unknown): unknown {
    if (!(error instanceof RemoteRefusal)) return error;
    const reason = messageOf(error.cause);
    if (!/NOPERM|ACL failure|can't run this command|unknown command/i.test(reason)) return error;
    const rights = `${SCRIPT_RIGHTS} +${this.#publish.toLowerCase()} ~${this.#prefix}:* &${this.#prefix}:*`;
    const advice = new Error(`${reason}. Entries are written by scripts: grant the Redis user ${rights}`, {
      cause: error.cause,
    });
    return new RemoteRefusal('NOPERM', { isFinal: true, cause: advice });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof RemoteRefusal ? error.code : undefined;
}

/** The error for a client whose settings turn replies into other values: readers would get nothing. */
function unexpectedReply(): RemoteRefusal {
  const cause = new TypeError(
    'the reply of the client is not a list of stream items: remove settings that change replies',
  );
  return new RemoteRefusal('UNEXPECTED_REPLY', { isFinal: true, cause });
}

/** Items of an XRANGE or XREVRANGE reply, in its order. */
function itemsOf(reply: RedisReply): RemoteItem[] {
  if (reply === null || reply === undefined) return [];
  if (!Array.isArray(reply)) throw unexpectedReply();
  return (reply as unknown[]).map((row) => {
    if (!Array.isArray(row) || typeof row[0] !== 'string' || !Array.isArray(row[1])) throw unexpectedReply();
    return { id: itemIdOf(row[0]), fields: row[1] as string[] };
  });
}

/** The item of an XREADGROUP reply: `[[key, [[id, fields]]]]`, or nil. */
function firstItem(reply: RedisReply): RemoteItem | undefined {
  const stream: unknown = Array.isArray(reply) ? reply[0] : reply;
  return itemsOf(Array.isArray(stream) ? stream[1] : stream)[0];
}
