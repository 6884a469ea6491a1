import * as z from 'zod';

import { catchRejection, reporterFor } from '../support/reporter.ts';

/** Options for pages of other origins. */
export interface CorsOptions {
  /**
   * Origins that may read the streams: `'*'`, an origin such as `https://app.example.com`, a list of origins, or a
   * function that decides.
   */
  readonly origin: string | readonly string[] | ((origin: string) => boolean);
  /** Whether browsers may send cookies; not possible with `'*'`. @default false */
  readonly credentials?: boolean | undefined;
  /** How long a browser caches the answer to a preflight request, in seconds. @default 600 */
  readonly maxAgeSeconds?: number | undefined;
}

const reporter = reporterFor('event-stream');

export function corsSchema(): z.ZodType<CorsOptions> {
  const origin = "'*', an origin such as 'https://app.example.com', a list of origins, or a function";
  return z
    .strictObject({
      origin: z.custom<CorsOptions['origin']>(isOriginOption, origin),
      credentials: z.boolean('a boolean').optional(),
      maxAgeSeconds: z.number('a number of seconds, 0 or more').min(0, 'a number of seconds, 0 or more').optional(),
    })
    .refine(({ origin: allowed, credentials }) => !(credentials === true && allowed === '*'), {
      path: ['origin'],
      error:
        "an origin, a list of origins, or a function, because browsers refuse '*' together with `credentials: true`",
    });
}

function isOriginOption(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isOrigin);
  return typeof value === 'function' || value === '*' || isOrigin(value);
}

/**
 * Whether a browser could send this origin: lower case, without path and default port. `null` stands for all sandboxed
 * pages.
 */
function isOrigin(text: unknown): boolean {
  if (typeof text !== 'string' || !/^[a-z][a-z\d+.-]*:\/\/[^/?#@\s*]+$/.test(text) || !URL.canParse(text)) return false;
  const { origin } = new URL(text);
  // `URL` knows the origins of few schemes.
  return origin === text || (origin === 'null' && text === text.toLowerCase());
}

/** The headers of each response to a page of this origin. */
export function corsHeaders(cors: CorsOptions, origin: string | undefined): Record<string, string> {
  // Sent even if the origin is not allowed: a cache must not give this response to another origin.
  const vary = { vary: 'Origin' };
  if (cors.origin === '*') return { 'access-control-allow-origin': '*' };
  if (origin === undefined || !isAllowed(cors, origin)) return vary;
  return {
    ...vary,
    'access-control-allow-origin': origin,
    ...(cors.credentials === true ? { 'access-control-allow-credentials': 'true' } : undefined),
  };
}

/**
 * The headers of the response to a preflight request, which a browser sends for a request with custom headers, for
 * example.
 */
export function preflightHeaders(
  cors: CorsOptions,
  origin: string | undefined,
  asked: string | undefined,
): Record<string, string> {
  const headers = corsHeaders(cors, origin);
  if (headers['access-control-allow-origin'] === undefined) return headers;
  return {
    ...headers,
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers': asked ?? 'authorization, last-event-id',
    'access-control-max-age': `${Math.floor(cors.maxAgeSeconds ?? 600)}`,
  };
}

function isAllowed({ origin: allowed }: CorsOptions, origin: string): boolean {
  if (typeof allowed !== 'function') return typeof allowed === 'string' ? allowed === origin : allowed.includes(origin);
  try {
    const answer: unknown = allowed(origin);
    catchRejection(answer, () => {});
    return answer === true;
  } catch (error) {
    reporter.limited('cors', '`cors.origin` threw; the origin is refused', error);
    return false;
  }
}
