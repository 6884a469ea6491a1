import type { LogType } from '../entry/entry-detail.ts';
import type { SessionCursor } from '../store/session-store.ts';
import type { SessionLogsError } from '../support/errors.ts';
import type { Gap } from './gap.ts';

/** What a reader delivers and when it ends, with every option decided. */
export interface ReaderPlan {
  /** `message`: the text, without that of errors. `entry`: the whole `LogEntry`. */
  readonly yields: 'message' | 'entry';
  /** Delivered in place of the entry that the cursor stands on. */
  readonly makeInstead: ((cursor: SessionCursor) => unknown) | undefined;
  readonly until: 'session-end' | 'stream-end' | 'caught-up' | 'work-end' | 'never';
  readonly logType: LogType | 'all';
  readonly minimumSeverity: number | undefined;
  readonly tokens: boolean;
  /**
   * Whether it waits for a session to begin. `'unless-ended'`: it has read the session before, and ends if that has
   * ended.
   */
  readonly wait: boolean | 'unless-ended';
  readonly idleTimeoutMillis: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onGap: ((gap: Gap) => void) | undefined;
  /** Whether it serves a client over HTTP, and so may not use the places that are kept for the server's own readers. */
  readonly isForClient: boolean;
  /** The error of the first `next()`, if it was clear at once that this reader cannot read. */
  readonly refusal: SessionLogsError | undefined;
}
