/**
 * What the server and the page send each other, as PROTOCOL.md describes it. Times are milliseconds since the epoch. `seq` and
 * `cursor` count what came, over all sessions.
 */

/** A session in the list. */
export interface SessionRow {
  /** `s:ID`; `v:SERVICE` for records that name no session; `o:COMMAND` for what a program printed. */
  readonly key: string;
  readonly name: string;
  readonly kind: 'session' | 'service' | 'output';
  readonly state: 'live' | 'ended' | 'failed';
  readonly services: readonly string[];
  readonly sources: readonly number[];
  readonly firstMillis: number;
  readonly lastMillis: number;
  /** When its last entry came, on the clock of the viewer; for entries read from a file, the time of the record. */
  readonly activeMillis: number;
  readonly entries: number;
  readonly errors: number;
  /** Chunks of answers. */
  readonly chunks: number;
  /** Tokens as the model counted them; 0 if no record has the count. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly openAnswers: number;
  /** Entries that were dropped because of a bound. */
  readonly trimmed: number;
  /** Entries that are missing for other reasons. */
  readonly missing: number;
  /** The newest entry that is known to have reached the collector. */
  readonly delivered?: { readonly seq: number; readonly millis: number };
}

/** A part of an answer. */
export interface PartText {
  readonly part: 'text' | 'reasoning' | 'tool' | 'error';
  readonly text: string;
  readonly millis: number;
}

/**
 * A block of a conversation, or what was added to it. With `isNew`, it is the whole block. Otherwise `parts` are appended: the
 * first of them continues the last known part if both are of one kind, unless `startsPart` says that it begins one.
 */
export interface BlockChange {
  readonly id: number;
  readonly isNew?: true;
  readonly type: 'answer' | 'message' | 'log' | 'gap' | 'end';
  readonly role?: 'user' | 'system' | 'assistant' | 'tool';
  readonly streamId?: string;
  /** An answer that continues one from above a gap. */
  readonly isContinued?: true;
  readonly millis: number;
  readonly lastMillis: number;
  readonly isOpen: boolean;
  readonly isFailed: boolean;
  readonly finishReasons?: readonly string[];
  readonly startsPart?: true;
  readonly parts: readonly PartText[];
  /** How many entries the block has now. */
  readonly entries: number;
  /** Its newest entry. */
  readonly seq: number;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly eventName?: string;
  readonly traceId?: string;
  /** The first line of an exception. */
  readonly exception?: string;
  /** Of a gap: how many entries are missing; -1 if that is not known. */
  readonly missing?: number;
  readonly reason?: string;
}

/** Which sessions a list shows, those that begin later included. */
export interface ListQuery {
  /** A part of the session's id or of a service, whatever its case. */
  readonly search: string;
  readonly states: readonly SessionRow['state'][];
  readonly kinds: readonly SessionRow['kind'][];
  /** `newest` and `oldest` go by the time at which a session began, so that rows do not jump; `active` by its last entry. */
  readonly sort: 'newest' | 'oldest' | 'active';
  readonly source: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

/** Which blocks of a session are sent. */
export interface BlockQuery {
  readonly logType: 'all' | 'chat' | 'log';
  /** For logs only; other blocks pass. */
  readonly minimumSeverity: number;
}

/** `event: list`: the rows of the window. */
export interface ListEvent {
  /** Sessions that the viewer holds. */
  readonly total: number;
  /** Sessions that the query lets through. */
  readonly matching: number;
  readonly offset: number;
  readonly rows: readonly SessionRow[];
}

/** `event: rows`: rows of the window that changed, but not their places. */
export interface RowsEvent {
  readonly rows: readonly SessionRow[];
}

/**
 * `event: blocks`: what changed in a followed session. `isReset`: the page forgets what it has of the session; with `hasOlder`,
 * `/api/blocks` has older blocks. `isGone`: the viewer does not hold the session, no longer or not yet. The page ignores a change
 * of a block that it does not have: that is one of the older ones.
 */
export interface BlocksEvent {
  readonly key: string;
  /** The row of the session, in the first of the events that belong together: the window of the list may not have it. */
  readonly row?: SessionRow;
  readonly isReset?: true;
  readonly hasOlder?: true;
  readonly isGone?: true;
  /** More of the same change follows at once. */
  readonly hasMore?: true;
  readonly blocks: readonly BlockChange[];
}

/** `event: state`: the state of the viewer itself. */
export interface StateEvent {
  readonly boot: string;
  readonly cursor: number;
  readonly nowMillis: number;
  readonly entries: number;
  readonly sessions: number;
  /** What the viewer holds at most. Bytes are of memory, about. */
  readonly bounds: { readonly entries: number; readonly sessions: number; readonly bytes: number };
  /** What was dropped, and the bound that was reached last. */
  readonly evicted: {
    readonly sessions: number;
    readonly entries: number;
    readonly bound?: 'entries' | 'sessions' | 'bytes';
  };
  /** Records a second, over the last seconds. */
  readonly rate: number;
  /** The address of a trace, with `{traceId}` in it. */
  readonly traceLink?: string;
  readonly sources: readonly {
    readonly id: number;
    readonly name: string;
    readonly kind: string;
    readonly records: number;
    readonly unreadable: number;
    readonly notes: readonly string[];
  }[];
}

/** An entry in full. */
export interface EntryDetail {
  readonly seq: number;
  readonly session: string;
  readonly block: number;
  readonly kind: string;
  readonly logType: 'chat' | 'log';
  readonly text: string;
  readonly millis: number;
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly body: unknown;
  readonly attributes: unknown;
  readonly droppedAttributes: number;
  readonly resource: unknown;
  readonly scope: { readonly name: string; readonly version: string; readonly attributes: unknown };
  readonly exception?: { readonly type: string; readonly message: string; readonly stacktrace: string };
  readonly source: string;
}

/** A block in full: the whole block, its chunks over time, and its first entry. */
export interface BlockDetail {
  readonly block: BlockChange;
  /** For each chunk: its entry, milliseconds after the block's first entry, and its length in characters. */
  readonly timeline: readonly (readonly [seq: number, afterMillis: number, chars: number])[];
  readonly timeToFirstTokenMillis?: number;
  readonly tokensPerSecond?: number;
  /** The longest pause between two chunks. */
  readonly longestPauseMillis?: number;
  readonly entry?: EntryDetail;
}

/** A session to be played again, step by step. */
export interface ReplayAnswer {
  readonly key: string;
  /** How many older entries the bound of a replay leaves out. */
  readonly omitted: number;
  /** In the order in which the entries came. */
  readonly steps: readonly ReplayStep[];
}

/** What an entry, a gap or an end changed. */
export interface ReplayStep {
  readonly millis: number;
  readonly changes: readonly BlockChange[];
}

/** A session that contains a text, and where the text first occurs. */
export interface SearchHit {
  readonly key: string;
  /** The entry in which the text first begins. */
  readonly seq: number;
  /** The blocks with the text, oldest first: at most 1,000 of them. */
  readonly blocks: readonly number[];
  /** To how many places in each of these blocks one can be led: at most 1,000. */
  readonly times: readonly number[];
  /** The text around the first place. */
  readonly excerpt: string;
  /** How often all blocks of the session have it together. */
  readonly count: number;
}
