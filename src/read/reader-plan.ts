import type { LogType } from '../entry/entry-detail.ts';
import type { SessionCursor } from '../store/session-store.ts';
import type { SessionLogsError } from '../support/errors.ts';
import type { Gap } from './gap.ts';

/** What a reader delivers and when it ends, every member decided. */
export interface ReaderPlan {
  /** `message`: the text, without that of errors. `entry`: the whole `LogEntry`. */
  readonly yields: 'message' | 'entry';
  /** Delivered in place of the entry that the cursor stands on. */
  readonly makeInstead: ((cursor: SessionCursor) => unknown) | undefined;
  readonly until: 'session-end' | 'stream-end' | 'caught-up' | 'work-end' | 'never';
  readonly logType: LogType | 'all';
  readonly minimumSeverity: number | undefined;
  readonly tokens: boolean;
  /** Whether it waits for a session to begin. `'unless-ended'`: it was in the session before, and ends with it. */
  readonly wait: boolean | 'unless-ended';
  readonly idleTimeoutMillis: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onGap: ((gap: Gap) => void) | undefined;
  /** It serves a client over HTTP: it may not take the room that is kept for the server's own readers. */
  readonly isForClient: boolean;
  /** What the first `next()` rejects with, when it was clear at once that this reader cannot be. */
  readonly refusal: SessionLogsError | undefined;
}
