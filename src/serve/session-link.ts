import { createHmac, timingSafeEqual } from 'node:crypto';

import { isSessionId, requireSessionId } from '../entry/session-id.ts';
import { describeValue } from '../support/errors.ts';

/** What a link lets its bearer read: chat text only, or operator logs too. */
export type LinkScope = 'chat' | 'all';

/** The content of a valid link. */
export interface SessionLink {
  readonly sessionId: string;
  readonly scope: LinkScope;
  /** When the link expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Options of {@link signSessionLink}. */
export interface SignSessionLinkOptions {
  /** The signing secret, at least 32 characters, such as `randomBytes(32).toString('hex')`. */
  readonly secret: string;
  /** How long the link is valid, in seconds. */
  readonly expiresInSeconds: number;
  /** @default 'chat' */
  readonly scope?: LinkScope | undefined;
}

/** Options of {@link verifySessionLink}. */
export interface VerifySessionLinkOptions {
  /** The secret, or several while you rotate secrets: a link that any of them signed is valid. */
  readonly secret: string | readonly string[];
}

/** Options of {@link verifySessionLink} with a check for revoked links, which may ask a database. */
export interface RevocableLinkOptions extends VerifySessionLinkOptions {
  /** Called for each link that is otherwise valid. If it rejects, so does `verifySessionLink`. */
  readonly isRevoked: (link: SessionLink, token: string) => boolean | Promise<boolean>;
}

// A token is `v1.<payload>.<signature>`, both base64url. The payload is the JSON of [session id, scope, expiry in ms].
const VERSION = 'v1';
/** A session id of 256 characters, each escaped in JSON to six, makes 2.1 KB. */
const LONGEST_TOKEN = 4_096;
const SHORTEST_SECRET = 32;
/** Keeps these signatures apart from others that are made with the same secret. */
const PURPOSE = 'otel-session-logs/link\n';

/**
 * Returns a token that lets its bearer read one session until it expires. Put it into the URL of an event stream,
 * because an `EventSource` cannot send custom headers.
 *
 * The token is signed with HMAC-SHA-256 over session id, scope and expiry. Whoever has the link can read the session
 * id.
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
 * Returns the content of the link if one of the secrets signed it and it has not expired, else `undefined`, whatever
 * the text. With `isRevoked`, returns a promise of that.
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
  // Only a clear `false` lets the link pass.
  return answer === false ? link : undefined;
}

function checkedLink(token: unknown, secrets: readonly string[]): SessionLink | undefined {
  if (typeof token !== 'string' || token.length > LONGEST_TOKEN) return undefined;
  const [version, payload, given, ...more] = token.split('.');
  if (version !== VERSION || payload === undefined || given === undefined || more.length > 0) return undefined;
  // Try all secrets, so that the time does not tell which one it was. Compare the text rather than the decoded bytes,
  // because several texts decode to the same bytes.
  let isSigned = false;
  for (const secret of secrets) isSigned = isSame(given, signature(payload, secret)) || isSigned;
  return isSigned ? readPayload(payload) : undefined;
}

/** Signed content is trusted, but a later version may sign more. */
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

/** The message never contains the value. */
function requireSecret(owner: string, secret: unknown): void {
  if (typeof secret === 'string' && secret.length >= SHORTEST_SECRET) return;
  const got = typeof secret === 'string' ? `one of ${secret.length}` : `a value of type ${typeof secret}`;
  throw new TypeError(
    `${owner}: expected \`secret\` to be a string of at least ${SHORTEST_SECRET} characters, got ${got}`,
  );
}
