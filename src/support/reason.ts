import { withoutCredentials } from './address.ts';
import { isError, messageOf } from './errors.ts';

/** Deeper than any library nests causes. */
const MAX_DEPTH = 8;
const MAX_CHARS = 300;

/**
 * Says in a few words why something failed: the last cause of an error (`connect ECONNREFUSED 127.0.0.1:4318`), which
 * exporters hide behind their own messages. Removes credentials from addresses. Never throws.
 */
export function reasonOf(error: unknown): string {
  const told: string[] = [];
  let at = error;
  for (let depth = 0; depth < MAX_DEPTH && at !== undefined && at !== null; depth += 1) {
    const text = textOf(at);
    if (text !== '') told.push(text);
    at = within(at);
  }
  const reason = (told.at(-1) ?? 'an error without a message').replaceAll(/[a-z]+:\/\/\S+/gi, withoutCredentials);
  return reason.length > MAX_CHARS ? `${reason.slice(0, MAX_CHARS - 3)}...` : reason;
}

function textOf(error: unknown): string {
  const text = messageOf(error);
  const code = fieldOf(error, 'code');
  if ((typeof code !== 'string' && typeof code !== 'number') || text.includes(String(code))) return text;
  return text === '' ? String(code) : `${text} (${code})`;
}

/** The cause of an error, or the first of its inner errors: a connection is tried at each address of a host name. */
function within(error: unknown): unknown {
  const cause = fieldOf(error, 'cause');
  if (isError(cause)) return cause;
  const errors = fieldOf(error, 'errors');
  return Array.isArray(errors) && isError(errors[0]) ? errors[0] : undefined;
}

function fieldOf(error: unknown, name: string): unknown {
  try {
    return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
  } catch {
    // A getter of the application threw.
    return undefined;
  }
}
