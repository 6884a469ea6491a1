import type { ByteBudget } from './byte-budget.ts';

/** A request, of `node:http` or of a web framework. */
export interface Asked {
  readonly method: string;
  /** Of the URL, not decoded, below the place at which the viewer is mounted. Begins with `/`. */
  readonly path: string;
  /** Where the viewer is mounted; `''` for the root of the server. */
  readonly base: string;
  readonly query: URLSearchParams;
  /** The client is on this machine and spoke to this process itself, as far as can be seen. */
  readonly isLocal: boolean;
  /** A header by its name in lower case. */
  header(name: string): string | undefined;
  /**
   * The body. Its bytes are taken from the budget as they come, and given back when it rejects: with a {@link BodyTooLargeError} as
   * soon as it is longer, with a {@link BusyError} when the budget has no more.
   */
  body(maxBytes: number, budget: ByteBudget): Promise<Buffer>;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** What is answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that come by and by are asked for when the one before is sent. */
  readonly body: string | Uint8Array | AsyncIterable<string>;
  /** The rest of the request is not read: the connection is closed. */
  readonly closes?: boolean;
}

/** A body is longer than is taken. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/** Others hold what there is for bodies. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

/** Answers a request; `undefined`: it is none of its own. */
export type Handler = (asked: Asked) => Promise<Answer | undefined> | Answer | undefined;

/** What each answer says of itself, so that no browser takes it for anything else, or lets another site have it. */
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

/** An answer that says in a sentence why there is no other. */
export function textAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { ...SAFE_HEADERS, 'content-type': 'text/plain; charset=utf-8', ...headers },
    body: `${text}\n`,
  };
}
