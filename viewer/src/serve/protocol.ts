/**
 * What the server and the page say to each other. docs: ../PROTOCOL.md. Times are milliseconds since the epoch; `seq` and
 * `cursor` count what came, over all sessions, and grow.
 */

/** A session in the list. */
export interface SessionRow {
  /** `s:ID`, `v:SERVICE` of records that name no session, `o:COMMAND` of what a program printed. */
  readonly key: string;
  readonly name: string;
  readonly kind: 'session' | 'service' | 'output';
  readonly state: 'live' | 'ended' | 'failed';
  readonly services: readonly string[];
  readonly sources: readonly number[];
  readonly firstMillis: number;
  readonly lastMillis: number;
  readonly entries: number;
  readonly errors: number;
  /** Chunks of answers; the tokens that the model's own count gives stand beside. */
  readonly chunks: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly openAnswers: number;
  /** Entries that were held and went because of the bound; and those missing for other reasons. */
  readonly trimmed: number;
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
 * A block of a conversation, or what was added to it. `isNew`: the whole block as it stands; otherwise `parts` are appended:
 * to the last part where they are of its kind, unless `startsPart` says that the first of them begins one.
 */
export interface BlockChange {
  readonly id: number;
  readonly isNew?: true;
  readonly type: 'answer' | 'message' | 'log' | 'gap' | 'end';
  readonly role?: 'user' | 'system' | 'assistant' | 'tool';
  readonly streamId?: string;
  /** An answer that goes on with one above a gap. */
  readonly isContinued?: true;
  readonly millis: number;
  readonly lastMillis: number;
  readonly isOpen: boolean;
  readonly isFailed: boolean;
  readonly finishReasons?: readonly string[];
  readonly startsPart?: true;
  readonly parts: readonly PartText[];
  /** How many entries the block has now, and its newest. */
  readonly entries: number;
  readonly seq: number;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly eventName?: string;
  readonly traceId?: string;
  /** The first line of an exception. */
  readonly exception?: string;
  /** Of a gap: -1 when the number is not known. */
  readonly missing?: number;
  readonly reason?: string;
}

/** Which sessions a list shows. Each holds for what comes later too. */
export interface ListQuery {
  /** In the id or a service of the session, whatever its case. */
  readonly search: string;
  readonly states: readonly SessionRow['state'][];
  readonly kinds: readonly SessionRow['kind'][];
  /** By the time a session began, so that rows do not jump; `active`: by its last entry. */
  readonly sort: 'newest' | 'oldest' | 'active';
  readonly source: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

/** Which blocks of a session are sent. */
export interface BlockQuery {
  readonly logType: 'all' | 'chat' | 'log';
  /** Of logs; others pass. */
  readonly minimumSeverity: number;
}

/** `event: list`: the rows of the window. */
export interface ListEvent {
  /** Sessions held, and those that the query lets through. */
  readonly total: number;
  readonly matching: number;
  readonly offset: number;
  readonly rows: readonly SessionRow[];
}

/** `event: rows`: rows of the window that changed, in their places. */
export interface RowsEvent {
  readonly rows: readonly SessionRow[];
}

/**
 * `event: blocks`: what came in a followed session. `isReset`: forget what you have of it; there are older blocks where `hasOlder`
 * stands, which `/api/blocks` has. `isGone`: it is not held, any more or yet. A change of a block that the page does not have is
 * of one of the older ones, and is left out.
 */
export interface BlocksEvent {
  readonly key: string;
  /** The session itself, with the first event of what goes together: it may not be in the window of the list. */
  readonly row?: SessionRow;
  readonly isReset?: true;
  readonly hasOlder?: true;
  readonly isGone?: true;
  /** There is more behind this, which follows at once. */
  readonly hasMore?: true;
  readonly blocks: readonly BlockChange[];
}

/** `event: state`: of the viewer itself. */
export interface StateEvent {
  readonly boot: string;
  readonly cursor: number;
  readonly nowMillis: number;
  readonly entries: number;
  readonly maxEntries: number;
  readonly sessions: number;
  readonly evicted: { readonly sessions: number; readonly entries: number };
  /** Records a second, of the last seconds. */
  readonly rate: number;
  /** An address with `{traceId}` in it, under which a trace can be seen. */
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

/** A block in full: its change as new, its chunks in time, and its first entry. */
export interface BlockDetail {
  readonly block: BlockChange;
  /** Of each chunk: its entry, milliseconds after the block's first entry, and its length in characters. */
  readonly timeline: readonly (readonly [seq: number, afterMillis: number, chars: number])[];
  readonly timeToFirstTokenMillis?: number;
  readonly tokensPerSecond?: number;
  /** The longest pause between two chunks. */
  readonly longestPauseMillis?: number;
  readonly entry?: EntryDetail;
}

/** A session once more, step by step. */
export interface ReplayAnswer {
  readonly key: string;
  /** Older entries that are left out because of the bound of a replay. */
  readonly omitted: number;
  /** In the order in which the entries came. */
  readonly steps: readonly ReplayStep[];
}

/** What an entry, a gap or an end changed. */
export interface ReplayStep {
  readonly millis: number;
  readonly changes: readonly BlockChange[];
}

/** Where a text was found. */
export interface SearchHit {
  readonly key: string;
  /** The entry in which it stands first. */
  readonly seq: number;
  /** The blocks with the text, oldest first: at most 1,000 of them. */
  readonly blocks: readonly number[];
  /** The text around the first of them. */
  readonly excerpt: string;
  /** How many blocks of the session have it. */
  readonly count: number;
}
