import { isError, messageOf } from '../../support/errors.ts';

/** One Redis command. `key` names the slot it goes to in a cluster; it is repeated in `args`. */
export interface RedisCommand {
  readonly key: string;
  readonly args: readonly string[];
}

/** Why a command has no value. */
export class RedisFailure {
  /** The server's error code, `OOM` or `NOPERM`: it did not carry the command out. `undefined`: nobody knows whether it did. */
  readonly code: string | undefined;
  readonly cause: unknown;

  constructor(code: string | undefined, cause: unknown) {
    this.code = code;
    this.cause = cause;
  }
}

/** What a command came to: the server's reply (RESP2 shapes), or a {@link RedisFailure}. */
export type RedisReply = unknown;

/** What a connection tells its owner. */
export interface RedisConnectionEvents {
  /** Commands are taken from now on. */
  ready(): void;
  /** A message arrived on a channel subscribed to. */
  message(channel: string): void;
  /** Messages may have been missed: a cluster client renewed a subscription by itself. */
  resumed(): void;
  /** The connection is of no more use, now or before it ever was ready. Called once, not after `close()`. */
  closed(cause: unknown): void;
}

/** A connection that is used until it breaks, and then thrown away: it never queues, reconnects or sends again. */
export interface RedisConnection {
  /** Sends the commands in one go; one reply each, in order. Never rejects, never throws. */
  exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]>;
  /** Resolves when messages of the channel arrive; rejects when they do not. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Drops the connection, with what is under way on it. Idempotent. */
  close(): void;
}

/**
 * How the store reaches Redis. The adapters for `redis` and `ioredis` are made from a client; implement it to bring
 * another client.
 */
export interface RedisPort {
  /** Whether `SPUBLISH` and `SSUBSCRIBE` take the place of `PUBLISH` and `SUBSCRIBE`. */
  readonly isCluster: boolean;
  /** Begins to connect and returns at once; never throws, and tells `events` nothing before it returned. */
  connect(events: RedisConnectionEvents): RedisConnection;
}

const REPLY_ERROR = /^(?:ReplyError: )?(-?[A-Z][A-Z0-9]{1,})(?: |$)/;
const REDIRECTION_LIMIT = /Last error: (?:ReplyError: )?(.*)$/s;

/**
 * Tells a server's refusal from everything else. By the text, since neither client exports its classes under one name
 * in all versions, and an application may have several copies: a refusal begins with a code in capitals.
 */
export function failureOf(error: unknown): RedisFailure {
  const message = messageOf(error);
  // A redirection that was not followed is wrapped: by ioredis in the text, by node-redis 6 as the cause.
  const inner = REDIRECTION_LIMIT.exec(message)?.[1] ?? message;
  const code = REPLY_ERROR.exec(inner)?.[1];
  if (code === undefined && isError(error) && isError(error.cause)) return failureOf(error.cause);
  return new RedisFailure(code, error);
}

/** Settles replies one by one: `Promise.all` would hide which commands of a pipeline were carried out. */
export function settleReplies(replies: readonly Promise<unknown>[]): Promise<readonly RedisReply[]> {
  return Promise.all(replies.map((reply) => reply.then((value) => value, failureOf)));
}
