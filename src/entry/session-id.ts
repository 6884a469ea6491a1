import { describeValue } from '../support/errors.ts';

/** Longest session id, in UTF-16 units. */
export const MAX_SESSION_ID_LENGTH = 256;

/**
 * Whether a value is a valid session id: a string of 1 to 256 characters (UTF-16 units). Every function that takes a
 * session id throws a `TypeError` for any other value, so check ids from outside (a path, a query, a message) first.
 */
export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_SESSION_ID_LENGTH;
}

/**
 * Checks a session id that a caller gave.
 *
 * @throws TypeError that names the caller and shows the value, unless it is a string of 1 to 256 characters.
 */
export function requireSessionId(owner: string, value: unknown): asserts value is string {
  if (isSessionId(value)) return;
  const length = typeof value === 'string' && value !== '' ? `, ${value.length} characters long` : '';
  throw new TypeError(
    `${owner}: expected the session id to be a string of 1 to ${MAX_SESSION_ID_LENGTH} characters, ` +
      `got ${describeValue(value)}${length}`,
  );
}
