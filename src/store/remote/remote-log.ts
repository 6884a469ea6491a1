/**
 * What a {@link RemoteSessionStore} asks of an engine: one append-only log of small items per session, with wake-ups.
 *
 * The engine knows nothing of entries, answers, lives or readers. To bring another one, implement this interface, and run
 * `describeRemoteLog` of `otel-session-logs/testing` on it, `describeSessionStore` on a store over it, against the real server.
 *
 * - A `session` is named by 1 to 64 of the characters `A-Z a-z 0-9 _ . -`, whatever the application's id is.
 * - All hosts share the log: what is promised holds between processes.
 * - A promise rejects with a {@link RemoteRefusal} when the server answered that it did not carry the call out. Any other
 *   rejection, and no answer in 10 s, mean that nobody knows: the call is made again, also when it was carried out.
 * - Calls are made side by side, a second `append` with writes to a session never before the first has settled or has taken
 *   10 s.
 */
export interface RemoteLog {
  /** What reports call the engine: `Redis`. */
  readonly name: string;

  /** Called once, before everything else. It may connect now or with the first call. */
  start(events: RemoteLogEvents): void;

  /**
   * Appends items to the session's log, all or none of them, one after the other.
   *
   * **What is there is left out**: of each producer the log keeps the highest position, beside the session and as durably
   * as its items (what a crash or a fail-over takes back, it takes back of both), and leaves out the writes at or below
   * it. So the same call made twice, also at once, appends once. It need not remember a producer after 128 others have
   * written to the session, least recently.
   *
   * Items are readable, by every host, when the promise resolves. Then, if there are any, those who watch the session
   * are told.
   */
  append(append: RemoteAppend): Promise<void>;

  /**
   * Items of the session, those that any `append` that has resolved before the call has brought included: read where is
   * written, not from a replica behind it. Of a session that is not there none.
   */
  read(session: string, range: RemoteRange): Promise<readonly RemoteItem[]>;

  /**
   * Takes the oldest item of the session that was not taken yet: each goes to one caller of all hosts, at most once.
   * `undefined`: there is none now, or no such session.
   */
  claim(session: string): Promise<RemoteItem | undefined>;

  /** Keeps the id of a claimed item for those to come: a newer version wrote it, and its `claim` has to find it. */
  setAside(session: string, id: string): Promise<void>;

  /**
   * From its resolution on `events.wake(session)` is called soon after items were appended by any host. A wake-up that is
   * lost, also while a watch is renewed, costs readers up to 5 s.
   */
  watch(session: string): Promise<void>;
  unwatch(session: string): Promise<void>;

  /** Whether the text is one that `id` of an item can be. Cursors come from outside: what they say is looked up only then. */
  isId(text: string): boolean;

  /**
   * Appends the will of each lease of the session that has lapsed, and forgets it: each once, whoever of all hosts asks.
   * Of a session that is not there it appends nothing. Those who watch the session are told.
   *
   * @returns Milliseconds until the next lease may lapse; `undefined`: there is none.
   */
  lapse(session: string): Promise<number | undefined>;

  /**
   * Removes the session: its items, and what the log keeps beside them. For the time of the farewell its log is that one item,
   * so that readers of other hosts, who are told, learn that it is gone; writes at or below the position that a producer could
   * have reached by now are left out meanwhile. Then nothing is left. Without it `eraseSession` fails.
   *
   * @returns How many items had the field that is counted.
   */
  erase?(session: string, erasure: RemoteErasure): Promise<number>;

  /** What the server may keep of a session that was erased, in words for its receipt: in files, replicas, backups. */
  readonly keeps?: string;

  /** Nothing is appended or watched any more. Reads may still come. */
  close(): void;
}

/** What a log tells the store; none of these throws. */
export interface RemoteLogEvents {
  /** The session may have something new. It may be told for nothing, and of sessions that are not watched. */
  wake(session: string): void;
  /** Wake-ups may have been missed, as after a new connection, and watches are gone: all sessions are watched anew. */
  renewWatches(): void;
  /** What failed may succeed now. Without it calls are made again after 50 ms to 2 s. */
  retry(): void;
}

/** Items for one session. */
export interface RemoteAppend {
  readonly session: string;
  /** Who writes: of one store, never the same after a restart. Letters, digits, `_` and `-`, 16 at most. */
  readonly producer: string;
  /** In the order of their positions. */
  readonly writes: readonly RemoteWrite[];
  /** How many items the log keeps at least: older ones may go with this call, and should soon. */
  readonly maxItems: number;
  /** The session, with all that the log keeps of it, is forgotten when so much time has passed without a call that renews it. */
  readonly ttlMillis: number;
  /** `false`: the time was set not long ago, and may be left as it is to save the work. A session that is not there gets it. */
  readonly renewsTtl: boolean;
  /** Leases that last `leaseMillis` from now on, those of them that the producer still has. */
  readonly renews: readonly RemoteLease[];
  /** How long a lease lasts without a renewal, by the clock of the server. */
  readonly leaseMillis: number;
}

/** What a producer leaves behind, to be appended when it is gone: then its lease lapses, for it no longer renews it. */
export interface RemoteLease {
  /** One of a session has it, at most. 64 of the characters of a session's name, or `.`. */
  readonly name: string;
  /** Fields of the item to append. */
  readonly will: readonly string[];
}

/** How a session is removed. */
export interface RemoteErasure {
  /** Name of a field. */
  readonly counted: string;
  readonly farewell: { readonly fields: readonly string[]; readonly millis: number };
}

export interface RemoteWrite {
  /** A whole number below 2^53, which grows with each write of the producer, over all its sessions. */
  readonly position: number;
  /** Names and values in turn: any text without lone surrogates, each name once. */
  readonly fields: readonly string[];
  /** It takes the place of all items of the log: nobody reads any of them from now on. */
  readonly replacesAll: boolean;
  /** With this item the producer takes a lease, from whoever has it. Of a write that is left out this is too. */
  readonly opens: RemoteLease | undefined;
  /** With this item the lease of that name ends, whoever has it; `true`: all leases of the session. */
  readonly closes: string | true | undefined;
}

/** One thing in a session's log. */
export interface RemoteItem {
  /**
   * Given by the log: printable ASCII, 64 characters at most. As text, ids of a session sort in the order appended, also
   * after it was forgotten and has begun again. `idPart` of `otel-session-logs/remote` makes such text of a number.
   */
  readonly id: string;
  /** As they were appended. */
  readonly fields: readonly string[];
}

export interface RemoteRange {
  /** `back`: newest first. */
  readonly direction: 'forward' | 'back';
  /** The first to give, or the next in that direction when it is gone. `undefined`: the oldest, going back the newest. */
  readonly from: string | undefined;
  /** So many at most; fewer only when there are no more. */
  readonly limit: number;
}

/** Why a call was not carried out, as its server says. */
export class RemoteRefusal extends Error {
  override readonly name = 'RemoteRefusal';
  /** A short name: reports have it, and are told once a minute for each. */
  readonly code: string;
  /** It will be refused again: entries are dropped and counted, not kept. */
  readonly isFinal: boolean;

  constructor(
    code: string,
    options: { readonly isFinal: boolean; readonly cause?: unknown; readonly message?: string },
  ) {
    super(options.message ?? code, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.isFinal = options.isFinal;
  }
}
