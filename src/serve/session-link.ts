import { createHmac, timingSafeEqual } from 'node:crypto';

import { isSessionId, requireSessionId } from '../entry/session-id.ts';
import { describeValue } from '../support/errors.ts';

/** What a link lets its bearer read: chat text alone, or operator logs as well. */
export type LinkScope = 'chat' | 'all';

/** What a valid link says. */
export interface SessionLink {
  readonly sessionId: string;
  readonly scope: LinkScope;
  /** When the link ends, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** How {@link signSessionLink} makes a link. */
export interface SignSessionLinkOptions {
  /** At least 32 characters, as of `randomBytes(32).toString('hex')`. */
  readonly secret: string;
  /** How long the link is valid, in seconds. */
  readonly expiresInSeconds: number;
  /** @default 'chat' */
  readonly scope?: LinkScope | undefined;
}

/** How {@link verifySessionLink} checks a link. */
export interface VerifySessionLinkOptions {
  /** The secret, or several while one takes the place of another: a link that one of them signed is valid. */
  readonly secret: string | readonly string[];
}

/** With a look at what was revoked, which may ask a database. */
export interface RevocableLinkOptions extends VerifySessionLinkOptions {
  /** Asked for each link that is valid otherwise. Rejects what it rejects with. */
  readonly isRevoked: (link: SessionLink, token: string) => boolean | Promise<boolean>;
}

// A token is `v1.<payload>.<signature>`, both base64url. The payload is the JSON of [session id, scope, expiry in ms].
const VERSION = 'v1';
/** A session id of 256 characters, each of them escaped in JSON to six, makes 2.1 KB. */
const LONGEST_TOKEN = 4_096;
const SHORTEST_SECRET = 32;
/** Keeps these signatures apart from any others that are made with the same secret. */
const PURPOSE = 'otel-session-logs/link\n';

/**
 * A text that lets its bearer read one session until it expires, to be put into the URL of an event stream: an `EventSource`
 * sends no headers of your own.
 *
 * HMAC-SHA-256 over session id, scope and expiry. The session id can be read by whoever has the link.
 *
 * @throws TypeError for a wrong session id or option. The secret is never quoted.
 */
export function signSessionLink(sessionId: string, options: SignSessionLinkOptions): string {
  const owner = 'signSessionLink';
  requireSessionId(owner, sessionId);
  requireObject(owner, options);
  const { secret, expiresInSeconds, scope = 'chat' } = options;
  requireSecret(owner, secret);
  if (!isScope(scope))
    throw new TypeError(`${owner}: expected \`scope\` to be 'chat' or 'all', got ${describeValue(scope)}`);
  const expiresAt =
    typeof expiresInSeconds === 'number' ? Math.floor(Date.now() + expiresInSeconds * 1000) : Number.NaN;
  if (!Number.isSafeInteger(expiresAt) || expiresInSeconds <= 0) {
    throw new TypeError(
      `${owner}: expected \`expiresInSeconds\` to be a number of seconds above 0, got ${describeValue(expiresInSeconds)}`,
    );
  }
  const payload = Buffer.from(JSON.stringify([sessionId, scope, expiresAt])).toString('base64url');
  return `${VERSION}.${payload}.${signature(payload, secret)}`;
}

/**
 * What the link says, if one of the secrets signed it and it has not expired; else `undefined`, for any text. With `isRevoked`
 * a promise of that.
 *
 * @throws TypeError for a wrong option. The secret is never quoted.
 */
export function verifySessionLink(token: unknown, options: RevocableLinkOptions): Promise<SessionLink | undefined>;
export function verifySessionLink(token: unknown, options: VerifySessionLinkOptions): SessionLink | undefined;
export function verifySessionLink(
  token: unknown,
  options: VerifySessionLinkOptions & Partial<RevocableLinkOptions>,
): SessionLink | undefined | Promise<SessionLink | undefined> {
  const owner = 'verifySessionLink';
  requireObject(owner, options);
  const { secret, isRevoked } = options;
  const secrets = Array.isArray(secret) ? (secret as readonly unknown[]) : [secret];
  if (secrets.length === 0) throw new TypeError(`${owner}: expected \`secret\` to hold at least one secret, got none`);
  for (const each of secrets) requireSecret(owner, each);
  const link = checkedLink(token, secrets as readonly string[]);
  if (isRevoked === undefined) return link;
  if (typeof isRevoked !== 'function') {
    throw new TypeError(`${owner}: expected \`isRevoked\` to be a function, got ${describeValue(isRevoked)}`);
  }
  return unlessRevoked(link, token as string, isRevoked);
}

async function unlessRevoked(
  link: SessionLink | undefined,
  token: string,
  isRevoked: RevocableLinkOptions['isRevoked'],
): Promise<SessionLink | undefined> {
  if (link === undefined) return undefined;
  const answer: unknown = await isRevoked(link, token);
  // Nothing but a clear no lets the link through.
  return answer === false ? link : undefined;
}

function checkedLink(token: unknown, secrets: readonly string[]): SessionLink | undefined {
  if (typeof token !== 'string' || token.length > LONGEST_TOKEN) return undefined;
  const [version, payload, given, ...more] = token.split('.');
  if (version !== VERSION || payload === undefined || given === undefined || more.length > 0) return undefined;
  // All are tried, so that the time says nothing about which one it was. The text is compared, not what it decodes to:
  // several texts decode to the same bytes.
  let isSigned = false;
  for (const secret of secrets) isSigned = isSame(given, signature(payload, secret)) || isSigned;
  return isSigned ? readPayload(payload) : undefined;
}

/** What is signed is ours, but a later version may sign more. */
function readPayload(payload: string): SessionLink | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [sessionId, scope, expiresAt] = value as readonly unknown[];
  if (!isSessionId(sessionId) || !isScope(scope) || typeof expiresAt !== 'number') return undefined;
  return expiresAt > Date.now() ? { sessionId, scope, expiresAt } : undefined;
}

function signature(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(`${PURPOSE}${VERSION}.${payload}`).digest('base64url');
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function isScope(value: unknown): value is LinkScope {
  return value === 'chat' || value === 'all';
}

function requireObject(owner: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(`${owner}: expected an options object, got ${describeValue(options)}`);
}

/** The message never has the value. */
function requireSecret(owner: string, secret: unknown): void {
  if (typeof secret === 'string' && secret.length >= SHORTEST_SECRET) return;
  const got = typeof secret === 'string' ? `one of ${secret.length}` : `a value of type ${typeof secret}`;
  throw new TypeError(
    `${owner}: expected \`secret\` to be a string of at least ${SHORTEST_SECRET} characters, got ${got}`,
  );
}
