import { createHash } from 'node:crypto';

const PLAIN_ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * A session's name in a log. Short, plain ids stay as they are; any other is hashed, so that every id (`a}:l`, 256
 * emoji, CR LF) is a harmless name for an engine. No plain id begins with the `h.` of a hash.
 */
export function sessionName(sessionId: string): string {
  return PLAIN_ID.test(sessionId) ? sessionId : `h.${hash(sessionId)}`;
}

/** Hashes UTF-16, because UTF-8 would turn every lone surrogate into the same character. */
function hash(sessionId: string): string {
  return createHash('sha256').update(Buffer.from(sessionId, 'utf16le')).digest('base64url');
}
