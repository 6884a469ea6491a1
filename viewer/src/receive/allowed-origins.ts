import type { Answer, Asked } from '../web/exchange.ts';
import { SAFE_HEADERS } from '../web/exchange.ts';
import { LOGS } from './receiver.ts';

/**
 * Lets browser applications, which have an origin of their own, send logs (https://fetch.spec.whatwg.org/#http-cors-protocol). It
 * opens only the path for logs, so that they can write records, but can read neither the page nor its data.
 */
export class AllowedOrigins {
  readonly #origins: ReadonlySet<string>;

  /** @throws TypeError for what is not an origin as browsers write it. */
  constructor(origins: readonly string[]) {
    for (const origin of origins) checkOrigin(origin);
    this.#origins = new Set(origins);
  }

  /** The origin of a request that sends logs from an allowed origin; `undefined` for all other requests. */
  of(asked: Asked): string | undefined {
    const origin = asked.header('origin');
    if (origin === undefined || asked.path !== LOGS || !this.#origins.has(origin)) return undefined;
    const method = asked.method === 'OPTIONS' ? asked.header('access-control-request-method') : asked.method;
    return method === 'POST' ? origin : undefined;
  }
}

/** Answers what a browser asks before it sends logs. That request has no token, and gets only the permission to send. */
export function preflightAnswer(asked: Asked, origin: string): Answer {
  const names = asked.header('access-control-request-headers') ?? '';
  const headers = {
    ...SAFE_HEADERS,
    'access-control-allow-methods': 'POST',
    // Applications choose the headers of their exporters.
    ...(/^[\w-]+(?:, ?[\w-]+)*$/.test(names) ? { 'access-control-allow-headers': names } : {}),
    'access-control-max-age': '600',
  };
  return readableBy({ status: 204, headers, body: '' }, origin);
}

/** The answer with the permission for the origin to read it. */
export function readableBy(answer: Answer, origin: string): Answer {
  return { ...answer, headers: { ...answer.headers, 'access-control-allow-origin': origin, vary: 'origin' } };
}

function checkOrigin(origin: string): void {
  if (/^https?:\/\//.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new TypeError(
    `expected \`--allow-origin\` to be an origin as browsers send it, such as "http://localhost:3000", got ${JSON.stringify(origin.slice(0, 200))}`,
  );
}
