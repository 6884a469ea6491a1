import * as z from 'zod';

import { positiveInteger } from '../support/options.ts';
import { ownText } from '../support/own-text.ts';

/** Limits on the readers of a store. */
export interface ReaderBoundOptions {
  /** The most readers of this process at once. @default 10_000 */
  readonly maxReaders?: number | undefined;
  /** The most readers of one session in this process at once. @default 1_000 */
  readonly maxReadersPerSession?: number | undefined;
  /**
   * The share of both limits that is kept for the server's own readers (`getSessionLogs`, `followSession`, `pop`),
   * however many clients are served over HTTP; at least one reader of each limit, unless the limit is 1. 0: no share.
   * @default 0.1
   */
  readonly reservedShare?: number | undefined;
}

const SHARE = 'a share, from 0 to 1';

/** The options, for the schema of a store. */
export function readerBoundOptions(): {
  maxReaders: z.ZodDefault<z.ZodNumber>;
  maxReadersPerSession: z.ZodDefault<z.ZodNumber>;
  reservedShare: z.ZodDefault<z.ZodNumber>;
} {
  return {
    maxReaders: positiveInteger().default(10_000),
    maxReadersPerSession: positiveInteger().default(1_000),
    reservedShare: z.number(SHARE).min(0, SHARE).max(1, SHARE).default(0.1),
  };
}

/** Of a small limit, at least one reader is reserved and one left for clients. */
function reservedOf(max: number, share: number): number {
  if (share === 0 || share === 1) return max * share;
  return Math.min(Math.max(Math.floor(max * share), 1), max - 1);
}

/** Counts the readers of a store and refuses those beyond its limits. */
export class ReaderBounds {
  readonly #options: { readonly [Option in keyof ReaderBoundOptions]-?: number };
  readonly #perSession = new Map<string, number>();
  #count = 0;

  constructor(options: { readonly [Option in keyof ReaderBoundOptions]-?: number }) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Returns `true` if the reader counts from now on, else a sentence that says which limit refuses it.
   *
   * @param sessionId `undefined` for a reader of all sessions.
   */
  admit(sessionId: string | undefined, isForClient: boolean): true | string {
    const ofSession = sessionId === undefined ? 0 : (this.#perSession.get(sessionId) ?? 0);
    const reached =
      this.#reached('maxReaders', this.#count, isForClient) ??
      this.#reached('maxReadersPerSession', ofSession, isForClient);
    if (reached !== undefined) return reached;
    this.#count += 1;
    if (sessionId !== undefined) this.#perSession.set(ofSession === 0 ? ownText(sessionId) : sessionId, ofSession + 1);
    return true;
  }

  dismiss(sessionId: string | undefined): void {
    this.#count -= 1;
    if (sessionId === undefined) return;
    const left = (this.#perSession.get(sessionId) ?? 1) - 1;
    if (left === 0) this.#perSession.delete(sessionId);
    else this.#perSession.set(sessionId, left);
  }

  #reached(bound: 'maxReaders' | 'maxReadersPerSession', count: number, isForClient: boolean): string | undefined {
    const { [bound]: max, reservedShare } = this.#options;
    const which = bound === 'maxReaders' ? 'the bound of readers' : 'the bound of readers of this session';
    if (count >= max)
      return `${which} is reached: \`${bound}\` is ${max}; raise it, or end readers that are no longer needed`;
    const reserved = reservedOf(max, reservedShare);
    if (!isForClient || count < max - reserved) return undefined;
    return `${which} is reached for clients: \`${bound}\` is ${max}, of which \`reservedShare\` keeps ${reserved} for the server's own`;
  }
}
