import { createHash } from 'node:crypto';

const PLAIN_ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * What a log calls a session. The id itself only when it is short and plain; any other is hashed, so that no id, be it
 * `a}:l`, 256 emoji or CR LF, is anything to an engine but a name. The `h.` of a hash is no plain id.
 */
export function sessionName(sessionId: string): string {
  return PLAIN_ID.test(sessionId) ? sessionId : `h.${hash(sessionId)}`;
}

/** Over UTF-16, since UTF-8 would turn every lone surrogate into the same character. */
function hash(sessionId: string): string {
  return createHash('sha256').update(Buffer.from(sessionId, 'utf16le')).digest('base64url');
}
