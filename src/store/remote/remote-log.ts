/**
 * What a {@link RemoteSessionStore} needs from an engine: one append-only log of small items per session, with
 * wake-ups.
 *
 * The engine knows nothing of entries, answers, lives or readers. To use another engine, implement this interface. Test
 * it against the real server: run `describeRemoteLog` of `otel-session-logs/testing` on it, and `describeSessionStore`
 * on a store over it.
 *
 * - A `session` is a name of 1 to 64 of the characters `A-Z a-z 0-9 _ . -`, whatever the application's id is.
 * - All hosts share the log: every promise holds across processes.
 * - A promise rejects with a {@link RemoteRefusal} if the server answered that it did not carry out the call. Any other
 *   rejection, and no answer in 10 s, mean that the outcome is unknown: the call is repeated, even if it was carried
 *   out.
 * - Calls may run at the same time, but a second `append` with writes to a session is never made before the first has
 *   settled or has taken 10 s.
 */
export interface RemoteLog {
  /** The engine's name in reports, such as `Redis`. */
  readonly name: string;

  /** Called once, before everything else. The log may connect now or at the first call. */
  start(events: RemoteLogEvents): void;

  /**
   * Appends items to the session's log, all or none of them, in order.
   *
   * **It leaves out what it already has**: the log keeps the highest position of each producer with the session, as
   * durably as the items (a crash or a fail-over must take back both or neither), and leaves out writes at or below it.
   * So the same call made twice, even at the same time, appends once. It need not remember a producer after 128 others
   * have written to the session more recently.
   *
   * When the promise resolves, every host can read the items. Then, if there are any, those that watch the session are
   * told.
   */
  append(append: RemoteAppend): Promise<void>;

  /**
   * Returns items of the session, including those of every `append` that resolved before the call: read where the
   * writes go, not from a replica that lags behind. For an unknown session it returns none.
   */
  read(session: string, range: RemoteRange): Promise<readonly RemoteItem[]>;

  /**
   * Claims the oldest unclaimed item of the session: each goes to one caller of all hosts, at most once. `undefined` if
   * there is none now, or no such session.
   */
  claim(session: string): Promise<RemoteItem | undefined>;

  /** Keeps a claimed item that a newer version wrote, so that a later `claim` of that version finds it. */
  setAside(session: string, id: string): Promise<void>;

  /**
   * Once it has resolved, `events.wake(session)` is called soon after any host appends items. A lost wake-up, for
   * example while a watch is renewed, delays readers by up to 5 s.
   */
  watch(session: string): Promise<void>;
  unwatch(session: string): Promise<void>;

  /** Whether the text is a possible `id` of an item. Cursors come from outside: only such ids are looked up. */
  isId(text: string): boolean;

  /**
   * Appends the will of each lapsed lease of the session and forgets the lease: each once, whichever hosts ask. For an
   * unknown session it appends nothing. Those that watch the session are told.
   *
   * @returns Milliseconds until the next lease may lapse; `undefined` if there is none.
   */
  lapse(session: string): Promise<number | undefined>;

  /**
   * Removes the session: its items and everything that the log keeps with them. For the time of the farewell, its log
   * is that one item, so that readers of other hosts, which are told, learn that it is gone; meanwhile writes at or
   * below the position that a producer could have reached by now are left out. Then nothing is left. Without this
   * method `eraseSession` fails.
   *
   * @returns How many items had the counted field.
   */
  erase?(session: string, erasure: RemoteErasure): Promise<number>;

  /** What the server may keep of an erased session (in files, replicas, backups), in words for the receipt. */
  readonly keeps?: string;

  /** Closes the log: nothing is appended or watched any more, but reads may still come. */
  close(): void;
}

/** Events from a log to the store; none of these functions throws. */
export interface RemoteLogEvents {
  /** The session may have something new. May be called needlessly, and for sessions that are not watched. */
  wake(session: string): void;
  /**
   * Wake-ups may have been missed and watches are gone, as after a new connection: the store watches all sessions
   * again.
   */
  renewWatches(): void;
  /** Failed calls may succeed now. Without this event they are repeated after 50 ms to 2 s. */
  retry(): void;
}

/** Items for one session. */
export interface RemoteAppend {
  readonly session: string;
  /** The name of the writing store, never the same after a restart: at most 16 letters, digits, `_` and `-`. */
  readonly producer: string;
  /** The writes, in the order of their positions. */
  readonly writes: readonly RemoteWrite[];
  /** The number of items that the log has to keep: older ones may be removed with this call, and should be soon. */
  readonly maxItems: number;
  /**
   * The session, with everything that the log keeps of it, is forgotten after this time without a call that renews it.
   */
  readonly ttlMillis: number;
  /** `false`: the time was set recently and need not be set again. A session that does not exist yet gets it anyway. */
  readonly renewsTtl: boolean;
  /** Leases to renew to `leaseMillis` from now, if the producer still holds them. */
  readonly renews: readonly RemoteLease[];
  /** How long a lease lasts without renewal, by the server's clock. */
  readonly leaseMillis: number;
}

/** A lease, with a will: an item that is appended when the producer is gone and the lease lapses without renewal. */
export interface RemoteLease {
  /** Unique within a session: at most 64 of the characters of a session's name, or `.`. */
  readonly name: string;
  /** Fields of the item to append. */
  readonly will: readonly string[];
}

/** How a session is removed. */
export interface RemoteErasure {
  /** Name of the field whose items are counted. */
  readonly counted: string;
  readonly farewell: { readonly fields: readonly string[]; readonly millis: number };
}

export interface RemoteWrite {
  /** A whole number below 2^53 that grows with each write of the producer, across all its sessions. */
  readonly position: number;
  /** Names and values, alternating: any text without lone surrogates, each name once. */
  readonly fields: readonly string[];
  /** Whether this item replaces all items of the log: from then on nobody reads any of them. */
  readonly replacesAll: boolean;
  /** A lease that the producer takes with this item, from whoever holds it. If the write is left out, so is this. */
  readonly opens: RemoteLease | undefined;
  /** Name of a lease that ends with this item, whoever holds it; `true`: all leases of the session. */
  readonly closes: string | true | undefined;
}

/** One item of a session's log. */
export interface RemoteItem {
  /**
   * Given by the log: printable ASCII, at most 64 characters. As text, ids of a session sort in the order appended,
   * even after the session was forgotten and has begun again. `idPart` of `otel-session-logs/remote` makes such text
   * from a number.
   */
  readonly id: string;
  /** The fields as they were appended. */
  readonly fields: readonly string[];
}

export interface RemoteRange {
  /** `back`: from new to old. */
  readonly direction: 'forward' | 'back';
  /**
   * The first item to return, or the next one in that direction if it is gone. `undefined`: the oldest, or with `back`
   * the newest.
   */
  readonly from: string | undefined;
  /** The most items; fewer are returned only if there are no more. */
  readonly limit: number;
}

/** Why the server did not carry out a call. */
export class RemoteRefusal extends Error {
  override readonly name = 'RemoteRefusal';
  /** A short name for reports; each name is reported at most once a minute. */
  readonly code: string;
  /** Whether it would be refused again: then entries are dropped and counted, not kept. */
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
