import { createHash } from 'node:crypto';

import { idPart, idParts } from '../entry-id.ts';

const PLAIN_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Where one session lives: both names hash to one cluster slot. */
export interface SessionKeys {
  /** The stream with the session's entries. */
  readonly log: string;
  /** The channel whose messages say "read again". */
  readonly wake: string;
}

/**
 * The keys of a session. The id itself appears only when it is short and plain; any other is hashed, so that no id, be it
 * `a}:l`, 256 emoji or CR LF, can name another session's key or leave the prefix. The `h.` of a hash is no plain id.
 */
export function sessionKeys(prefix: string, sessionId: string): SessionKeys {
  const tag = PLAIN_ID.test(sessionId) ? sessionId : `h.${hash(sessionId)}`;
  return { log: `${prefix}:{${tag}}:l`, wake: `${prefix}:{${tag}}:w` };
}

/** Over UTF-16, since UTF-8 would turn every lone surrogate into the same character. */
function hash(sessionId: string): string {
  return createHash('sha256').update(Buffer.from(sessionId, 'utf16le')).digest('base64url');
}

const LARGEST = 2n ** 64n - 1n;

/**
 * The id of an entry: that of its item in the stream, `1700000000000-7`, as text that sorts like it: `m1700000000000a7`.
 * Made when it is read.
 */
export function entryIdOf(streamId: string): string {
  const dash = streamId.indexOf('-');
  return idPart(streamId.slice(0, dash)) + idPart(streamId.slice(dash + 1));
}

/** The stream id that an entry id from outside stands for, which Redis takes: two numbers of 64 bits; `undefined`: none. */
export function streamIdOf(entryId: string): string | undefined {
  const parts = idParts(entryId);
  return parts?.length === 2 && parts.every((digits) => BigInt(digits) <= LARGEST) ? parts.join('-') : undefined;
}

/** Order of two stream ids: negative, 0 or positive. */
export function compareStreamIds(a: string, b: string): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  return compareDigits(a.slice(0, dashA), b.slice(0, dashB)) || compareDigits(a.slice(dashA + 1), b.slice(dashB + 1));
}

// Without leading zeros the longer number is the larger one: no BigInt on the read path.
function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
