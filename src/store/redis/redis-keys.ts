import { idPart, idParts } from '../entry-id.ts';

/** The keys of one session, which all hash to one cluster slot. */
export interface SessionKeys {
  /** The stream with the session's items. */
  readonly log: string;
  /** The sorted set with the highest position of each producer. */
  readonly producers: string;
  /** The hash with the leases of open answers. */
  readonly leases: string;
  /** The channel whose messages mean "read again". */
  readonly wake: string;
}

/** The keys of a session, from the short, plain name that the store gives it. */
export function sessionKeys(prefix: string, session: string): SessionKeys {
  const common = `${prefix}:{${session}}:`;
  return { log: `${common}l`, producers: `${common}p`, leases: `${common}a`, wake: `${common}w` };
}

/** The session of a wake-up channel. */
export function sessionOf(prefix: string, channel: string): string {
  return channel.slice(prefix.length + 2, -3);
}

const LARGEST = 2n ** 64n - 1n;

/** The id of an item, given that in the stream, `1700000000000-7`, as text that sorts like it: `m1700000000000a7`. */
export function itemIdOf(streamId: string): string {
  const dash = streamId.indexOf('-');
  return idPart(streamId.slice(0, dash)) + idPart(streamId.slice(dash + 1));
}

/** The stream id of a valid item id. */
export function streamIdIn(id: string): string {
  // A letter says how many digits follow.
  const second = id.charCodeAt(0) - 95;
  return `${id.slice(1, second)}-${id.slice(second + 1)}`;
}

/** The stream id for a text from outside, two 64-bit numbers; `undefined` if the text is not an item id. */
export function streamIdOf(id: string): string | undefined {
  const parts = idParts(id);
  return parts?.length === 2 && parts.every((digits) => BigInt(digits) <= LARGEST) ? parts.join('-') : undefined;
}
