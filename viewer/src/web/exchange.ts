import type { ByteBudget } from './byte-budget.ts';

/** A request, of `node:http` or of a web framework. */
export interface Asked {
  readonly method: string;
  /** The path of the URL below the place where the viewer is mounted, not decoded. Begins with `/`. */
  readonly path: string;
  /** Where the viewer is mounted; `''` for the root of the server. */
  readonly base: string;
  readonly query: URLSearchParams;
  /** Whether the client is on this machine and, as far as can be seen, reached this process without a proxy. */
  readonly isLocal: boolean;
  /** A header by its name in lower case. */
  header(name: string): string | undefined;
  /**
   * Reads the body. Takes its bytes from the budget as they come, and gives them back when it rejects: with a {@link
   * BodyTooLargeError} as soon as the body is longer than `maxBytes`, or with a {@link BusyError} when the budget is used up.
   */
  body(maxBytes: number, budget: ByteBudget): Promise<Buffer>;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** An answer to a request. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** From an iterable, each text is taken when the previous one is sent. */
  readonly body: string | Uint8Array | AsyncIterable<string>;
  /** Whether the connection is closed without reading the rest of the request. */
  readonly closes?: boolean;
}

/** A body is longer than allowed. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/** The bodies of other requests have used up the budget. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

/** Answers a request, or returns `undefined` for one that it does not know. */
export type Handler = (asked: Asked) => Promise<Answer | undefined> | Answer | undefined;

/** Headers of each answer, so that no browser guesses another type for it or gives it to another site. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { ...SAFE_HEADERS, 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

/** An answer that is a text: a sentence for a person. */
export function textAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { ...SAFE_HEADERS, 'content-type': 'text/plain; charset=utf-8', ...headers },
    body: `${text}\n`,
  };
}
