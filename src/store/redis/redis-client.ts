import { isError, messageOf } from '../../support/errors.ts';

/** One Redis command. `key` decides the slot in a cluster; `args` has it too. */
export interface RedisCommand {
  readonly key: string;
  readonly args: readonly string[];
}

/** Why a command has no reply value. */
export class RedisFailure {
  /**
   * The server's error code, such as `OOM` or `NOPERM`: it did not carry out the command. `undefined` if nobody knows
   * whether it did.
   */
  readonly code: string | undefined;
  readonly cause: unknown;

  constructor(code: string | undefined, cause: unknown) {
    this.code = code;
    this.cause = cause;
  }
}

/** The result of a command: the server's reply (in RESP2 shapes) or a {@link RedisFailure}. */
export type RedisReply = unknown;

/** Events from a connection to its owner. */
export interface RedisConnectionEvents {
  /** The connection takes commands from now on. */
  ready(): void;
  /** A message arrived on a subscribed channel. */
  message(channel: string): void;
  /** Messages may have been missed, because a cluster client renewed a subscription by itself. */
  resumed(): void;
  /** The connection can no longer be used, or never became ready. Called once, not after `close()`. */
  closed(cause: unknown): void;
}

/** A connection that is used until it breaks and is then discarded: it never queues, reconnects or resends. */
export interface RedisConnection {
  /** Sends the commands together and resolves to one reply each, in order. Never rejects or throws. */
  exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]>;
  /** Resolves when the subscription is active; rejects if it fails. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Drops the connection and its pending commands. Idempotent. */
  close(): void;
}

/**
 * Connects the store to Redis. Adapters for clients of `redis` and `ioredis` exist; implement it to use another client.
 */
export interface RedisPort {
  /** Whether to use `SPUBLISH` and `SSUBSCRIBE` instead of `PUBLISH` and `SUBSCRIBE`. */
  readonly isCluster: boolean;
  /** Begins to connect and returns at once. Never throws, and calls no event before it has returned. */
  connect(events: RedisConnectionEvents): RedisConnection;
}

const REPLY_ERROR = /^(?:ReplyError: )?(-?[A-Z][A-Z0-9]{1,})(?: |$)/;
const REDIRECTION_LIMIT = /Last error: (?:ReplyError: )?(.*)$/s;

/**
 * Distinguishes a server's refusal from other failures, by the text: a refusal begins with a code in capitals. Neither
 * client exports its error classes under one name in all versions, and an application may have several copies.
 */
export function failureOf(error: unknown): RedisFailure {
  const message = messageOf(error);
  // A redirection that was not followed is wrapped: by ioredis in the text, by node-redis 6 as the cause.
  const inner = REDIRECTION_LIMIT.exec(message)?.[1] ?? message;
  const code = REPLY_ERROR.exec(inner)?.[1];
  if (code === undefined && isError(error) && isError(error.cause)) return failureOf(error.cause);
  return new RedisFailure(code, error);
}

/** Settles replies one by one, because `Promise.all` would hide which commands of a pipeline were carried out. */
export function settleReplies(replies: readonly Promise<unknown>[]): Promise<readonly RedisReply[]> {
  return Promise.all(replies.map((reply) => reply.then((value) => value, failureOf)));
}
