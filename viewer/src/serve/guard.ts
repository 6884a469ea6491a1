import { createHash, timingSafeEqual } from 'node:crypto';

import { hostNameOf, isLoopbackHost, relativeTo, searchOf } from '../web/addresses.ts';
import { textAnswer } from '../web/exchange.ts';
import type { Answer, Asked } from '../web/exchange.ts';

/** The cookie that a page gets when it is opened with the token in its address. */
const COOKIE = 'otel-session-logs-viewer';

export interface GuardOptions {
  /** Names of the server, in addition to those of loopback. @default none */
  readonly hosts?: readonly string[] | undefined;
  /** Answers to any name, because something else decides who may ask. @default false */
  readonly anyHost?: boolean | undefined;
  /** A secret that every client must send. @default none */
  readonly token?: string | undefined;
}

/**
 * Decides whether a request may be answered. Without a token, only this machine can reach the server, so the guard has to keep
 * out other sites in a browser of this machine:
 *
 * - `Host` must be a name of loopback. A site that makes its name lead to 127.0.0.1 (DNS rebinding) sends that name.
 * - `Origin`, if there is one, must be this server, and `Sec-Fetch-Site` must not name another site.
 *
 * With a token, each request must have it: as `Authorization: Bearer TOKEN`, which exporters can send, or in the cookie that the
 * page gets when it is opened with `?token=TOKEN`. A site of another name does not have the cookie; `Origin` is checked all the
 * same.
 */
export class Guard {
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #anyHost: boolean;
  readonly #token: Buffer | undefined;

  constructor({ hosts, token, anyHost = false }: GuardOptions = {}) {
    this.#anyHost = anyHost || token !== undefined;
    this.#hosts = hosts === undefined ? undefined : new Set(hosts.map((host) => host.toLowerCase()));
    this.#token = token === undefined ? undefined : digest(token);
  }

  /**
   * The answer that refuses the request; `undefined` if it may be answered.
   *
   * @param isOriginAllowed The request comes from another site that may make it.
   */
  refusal(asked: Asked, isOriginAllowed = false): Answer | undefined {
    const other = isOriginAllowed ? undefined : refuseOrigin(asked);
    return this.#refuseHost(asked) ?? other ?? this.#refuseToken(asked);
  }

  #refuseHost(asked: Asked): Answer | undefined {
    const host = hostNameOf(asked.header('host') ?? '');
    if (host === undefined) return textAnswer(400, 'the Host header is missing or invalid');
    if (this.#anyHost || isLoopbackHost(host) || this.#hosts?.has(host) === true) return undefined;
    return textAnswer(
      403,
      'this server answers only to the names localhost, 127.0.0.1 and [::1]; for other names, start it with --host and --token',
    );
  }

  #refuseToken(asked: Asked): Answer | undefined {
    if (this.#token === undefined) return undefined;
    const given = asked.query.get('token');
    if (given !== null && asked.method === 'GET' && this.#isToken(given)) return this.#greeting(asked, given);
    if (this.#isToken(bearerOf(asked)) || this.#isToken(cookieOf(asked))) return undefined;
    return textAnswer(
      401,
      'a token is needed: open the address that was printed, or send Authorization: Bearer TOKEN',
      {
        'www-authenticate': 'Bearer',
      },
    );
  }

  /** Moves the token from the address, which browsers keep in their history, into a cookie. */
  #greeting(asked: Asked, token: string): Answer {
    const { query, base, path } = asked;
    const rest = new URLSearchParams(query);
    rest.delete('token');
    const cookie = `${cookieName(asked)}=${encodeURIComponent(token)}; Path=${base}/; HttpOnly; SameSite=Strict`;
    const location = `${relativeTo(path)}${searchOf(rest)}`;
    return textAnswer(303, 'see the page', { location, 'set-cookie': cookie });
  }

  #isToken(given: string | undefined): boolean {
    return given !== undefined && this.#token !== undefined && timingSafeEqual(digest(given), this.#token);
  }
}

/** All digests have one length, so comparing them always takes the same time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refuseOrigin(asked: Asked): Answer | undefined {
  const origin = asked.header('origin');
  const site = asked.header('sec-fetch-site');
  const isSame = origin === undefined || originHost(origin) === (asked.header('host') ?? '').toLowerCase();
  const isFromPage = site === undefined || site === 'same-origin' || site === 'none';
  // A link on another site may lead to the page: that site learns nothing from it, and can read nothing else.
  const isVisit = asked.header('sec-fetch-mode') === 'navigate' && asked.method === 'GET';
  if (isSame && (isFromPage || isVisit)) return undefined;
  return textAnswer(403, 'requests from other sites are not answered');
}

function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1];
}

function bearerOf(asked: Asked): string | undefined {
  return /^Bearer (.+)$/i.exec(asked.header('authorization') ?? '')?.[1];
}

/** Browsers send a cookie to all ports of a host, where other viewers may have tokens of their own. */
function cookieName(asked: Asked): string {
  const port = /:(\d+)$/.exec(asked.header('host') ?? '')?.[1];
  return port === undefined ? COOKIE : `${COOKIE}-${port}`;
}

function cookieOf(asked: Asked): string | undefined {
  const name = cookieName(asked);
  for (const pair of (asked.header('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at === -1 || pair.slice(0, at).trim() !== name) continue;
    try {
      return decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      // The viewer did not set this cookie.
      return undefined;
    }
  }
  return undefined;
}
