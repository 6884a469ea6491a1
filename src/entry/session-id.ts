/** Longest session id, in UTF-16 units. */
export const MAX_SESSION_ID_LENGTH = 256;

export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_SESSION_ID_LENGTH;
}
