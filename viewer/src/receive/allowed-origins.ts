import type { Answer, Asked } from '../web/exchange.ts';
import { SAFE_HEADERS } from '../web/exchange.ts';
import { LOGS } from './receiver.ts';

/**
 * Lets applications in a browser, which come from an origin of their own, send logs: https://fetch.spec.whatwg.org/#http-cors-protocol.
 * It is for this one path, so that they can write records and read nothing: neither the page nor what it asks.
 */
export class AllowedOrigins {
  readonly #origins: ReadonlySet<string>;

  /** @throws TypeError for what is not an origin as browsers write it. */
  constructor(origins: readonly string[]) {
    for (const origin of origins) checkOrigin(origin);
    this.#origins = new Set(origins);
  }

  /** The origin of a request that may be answered although it comes from elsewhere; `undefined` for all others. */
  of(asked: Asked): string | undefined {
    const origin = asked.header('origin');
    if (origin === undefined || asked.path !== LOGS || !this.#origins.has(origin)) return undefined;
    const method = asked.method === 'OPTIONS' ? asked.header('access-control-request-method') : asked.method;
    return method === 'POST' ? origin : undefined;
  }
}

/** What a browser asks before it sends logs. It brings no token, and gets nothing but the permission to ask. */
export function preflightAnswer(asked: Asked, origin: string): Answer {
  const names = asked.header('access-control-request-headers') ?? '';
  const headers = {
    ...SAFE_HEADERS,
    'access-control-allow-methods': 'POST',
    // Exporters send headers that their applications chose.
    ...(/^[\w-]+(?:, ?[\w-]+)*$/.test(names) ? { 'access-control-allow-headers': names } : {}),
    'access-control-max-age': '600',
  };
  return readableBy({ status: 204, headers, body: '' }, origin);
}

/** The answer, which the origin may read. */
export function readableBy(answer: Answer, origin: string): Answer {
  return { ...answer, headers: { ...answer.headers, 'access-control-allow-origin': origin, vary: 'origin' } };
}

function checkOrigin(origin: string): void {
  if (/^https?:\/\//.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new TypeError(
    `expected \`--allow-origin\` to be an origin as browsers send it, such as "http://localhost:3000", got ${JSON.stringify(origin.slice(0, 200))}`,
  );
}
