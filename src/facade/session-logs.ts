import type { IncomingMessage } from 'node:http';

import type { Diagnosis } from '../diagnose/diagnosis.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { DeliveryReport, SessionDelivery } from '../entry/routed-record.ts';
import { requireSessionId } from '../entry/session-id.ts';
import { followAll } from '../read/follow-all.ts';
import type { FollowAllOptions } from '../read/follow-all.ts';
import { openPop, openReader } from '../read/reader-options.ts';
import type { PopOptions, ReaderDefaults, ReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import { parseReplayOptions, SessionReplay } from '../read/replay.ts';
import type { ReplayOptions } from '../read/replay.ts';
import { withSession } from '../route/session-context.ts';
import { ClientShares } from '../serve/client-share.ts';
import type { NodeResponse } from '../serve/client.ts';
import { eventStreamHandler } from '../serve/event-stream-handler.ts';
import type { EventStreamHandler, EventStreamHandlerOptions } from '../serve/event-stream-handler.ts';
import { sendEventStream, toEventStreamResponse } from '../serve/event-stream-response.ts';
import type { EventStreamResponseOptions } from '../serve/event-stream-response.ts';
import type { EventStreamOptions, StreamSource } from '../serve/event-stream.ts';
import { toReadableStream } from '../serve/text-stream.ts';
import type { StoreStats, StreamState } from '../store/session-store.ts';
import { watchAbort } from '../support/abort-watch.ts';
import { bindMembers } from '../support/bind-members.ts';
import { SessionLogsError } from '../support/errors.ts';
import { addUp } from '../support/loss-counters.ts';
import { parseOptions, timeoutOption } from '../support/options.ts';
import { ownText } from '../support/own-text.ts';
import { consume } from '../write/consume.ts';
import { tap } from '../write/tap.ts';
import type { TapOptions } from '../write/tap.ts';
import type { ConsumedAnswer } from '../write/tapped-answer.ts';
import { SessionWriter } from '../write/writer.ts';
import type { WriteOptions } from '../write/write-options.ts';
import type { SessionLogger } from '../write/writer.ts';
import { distributeSchema, listSchema } from './call-options.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';
import { Erasures } from './erasures.ts';
import { flushAll, shutdownAll } from './flush-and-shutdown.ts';
import type { OwnedPart } from './flush-and-shutdown.ts';
import { SessionHandle } from './session-handle.ts';
import { settingsOf } from './session-logs-options.ts';
import type { SessionLogsOptions } from './session-logs-options.ts';
import { SessionLogRecordProcessor } from './session-processor.ts';

/** What an instance holds now, and what was lost. */
export interface SessionLogsStats extends StoreStats {
  /**
   * What each destination lost, by its name: `export`, `console`, `file`, and those of the option `destinations`. Empty in a
   * setup of your own. `lost` has it all added up.
   */
  readonly destinations: Readonly<Record<string, { readonly lost: Readonly<Record<string, number>> }>>;
}

const MESSAGES: ReaderDefaults = {
  owner: 'getSessionLogs',
  yields: 'message',
  from: 'unread',
  until: 'session-end',
  logType: 'chat',
  tokens: true,
  wait: true,
  isForClient: false,
};

const ENTRIES: ReaderDefaults = { ...MESSAGES, owner: 'followSession', yields: 'entry', from: 'start', logType: 'all' };

const FLUSH_MILLIS = 30_000;
const SHUTDOWN_MILLIS = 10_000;

const DONE: Promise<void> = Promise.resolve();

/** Set by the class, which alone reaches what is private. */
let become: (sessions: SessionLogs, options: SessionLogsOptions, owned: readonly OwnedPart[]) => void;

/**
 * Gives an instance the options and the parts of a start, in the place of those it was made with, so that who holds it holds
 * the started one. What its sessions hold moves into a `store` that is given; readers of theirs deliver what is held and end
 * with `'shutdown'` then, and go on otherwise.
 *
 * @throws TypeError for a wrong option; nothing has changed then.
 */
export function becomeStarted(sessions: SessionLogs, options: SessionLogsOptions, owned: readonly OwnedPart[]): void {
  become(sessions, options, owned);
}

/**
 * The logs of many sessions: write, read live, replay, resume.
 *
 * Put `processor` into your provider, and every record of a session is here. Without a provider chunks go straight into
 * the queues. One instance per provider.
 *
 * @example
 * ```ts
 * const sessions = new SessionLogs();
 * await sessions.logChunkToQueue('Hello', 'abc123');
 * for await (const chunk of sessions.getSessionLogs('abc123', { until: 'caught-up' })) console.log(chunk);
 * ```
 */
export class SessionLogs {
  /** Goes into your provider, before the processors of your exporters. */
  readonly processor: SessionLogRecordProcessor;
  /** Leveled logs: into the session of the running code, else without one. */
  readonly logger: SessionLogger;
  readonly #writer: SessionWriter;
  #owned: readonly OwnedPart[];
  #durable: SessionDelivery | undefined;
  readonly #shares = new ClientShares();
  #closing: Promise<void> | undefined;
  readonly #erasures = new Erasures();
  readonly #whenClosed = new Set<() => void>();

  /** @param owned What this instance flushes and shuts down; `startSessionLogs` gives it. */
  constructor(options: SessionLogsOptions = {}, owned: readonly OwnedPart[] = []) {
    const { session, durable, provider, makeEcho } = settingsOf(options);
    this.processor = new SessionLogRecordProcessor(session);
    this.#owned = owned;
    this.#durable = durable;
    this.#writer = new SessionWriter(this.processor.router, provider, makeEcho());
    this.logger = this.#writer.logger;
    bindMembers(this);
  }

  static {
    become = (sessions, options, owned) => sessions.#become(options, owned);
  }

  #become(options: SessionLogsOptions, owned: readonly OwnedPart[]): void {
    const { session, durable, provider, makeEcho } = settingsOf(options);
    this.processor.reconfigure(session);
    this.#writer.reconfigure(provider, makeEcho());
    this.#durable = durable;
    this.#owned = owned;
  }

  // Writing

  /**
   * Logs one chunk of a session. With an embedded store it is readable before the call returns; nothing downstream makes
   * the promise reject.
   *
   * A message that equals a stream token gets that token's kind; a token inside a longer text is text.
   *
   * @throws TypeError at once, with nothing stored, for a message that is no string, a session id that is no string of 1
   * to 256 characters, or a wrong option.
   */
  logChunkToQueue(message: string, sessionId: string, options?: WriteOptions): Promise<void> {
    this.#writer.write(message, sessionId, options);
    return DONE;
  }

  /**
   * Passes a model's stream through unchanged, an async iterable as one and a web stream as one, and logs each chunk as
   * text of an answer of its own: `stream-start` with the first read, always a `stream-end`, with the finish reason and token
   * usage that AI SDK, OpenAI or LangChain tell in their chunks. When the source fails there is an `error` entry before it (the
   * error still reaches you); when it is stopped (`signal`, an `AbortError`, you break off) the finish reason is `aborted`.
   *
   * Whoever reads what this returns drives the model: for an answer that outlives its first client use `consume`.
   *
   * @throws TypeError for a wrong session id, source or option, or a web stream that is locked.
   */
  tap<T>(sessionId: string, source: ReadableStream<T>, options?: TapOptions<T>): ReadableStream<T> & AsyncIterable<T>;
  tap<T>(sessionId: string, source: AsyncIterable<T>, options?: TapOptions<T>): AsyncIterable<T>;
  tap<T>(sessionId: string, source: AsyncIterable<T> | ReadableStream<T>, options?: TapOptions<T>): AsyncIterable<T> {
    return tap(this.#writer, sessionId, source as AsyncIterable<T>, options);
  }

  /**
   * Reads a model's stream to its end, whoever listens, and logs it as `tap` does: clients come and go, each with a reader of
   * the session. The `stream-start` is written within the call.
   *
   * Resolves when the answer is over, with `finishReason` and `usage` where the source told them. Never rejects: what the source
   * throws is an `error` entry of the session, and `error` of the result. After `shutdown` it reads on, and nothing is logged.
   *
   * @throws TypeError at once for a wrong session id, source or option, or a web stream that is locked.
   */
  consume<T>(
    sessionId: string,
    source: AsyncIterable<T> | ReadableStream<T>,
    options?: TapOptions<T>,
  ): Promise<ConsumedAnswer> {
    return consume(this.#writer, sessionId, source, options);
  }

  /** A handle bound to one session. */
  session(sessionId: string): SessionHandle {
    requireSessionId('session', sessionId);
    return new SessionHandle(this, sessionId);
  }

  /** Every record emitted inside `fn`, by any OTel-instrumented logger, belongs to the session; see {@link withSession}. */
  withSession<T>(sessionId: string, fn: () => T): T {
    return withSession(sessionId, fn);
  }

  /**
   * Ends the session's current life: a reader that reaches the mark ends. Entries logged later are its next life, in the
   * same log. A session without entries is remembered as ended, so who reads it later does not wait. Of an ended
   * session: nothing, but readers that wait on it end.
   */
  endSession(sessionId: string): void {
    requireSessionId('endSession', sessionId);
    this.#writer.endSession(sessionId);
    this.processor.store.end(sessionId);
  }

  /** Forgets the session's log at once; its readers end with `'deleted'`. */
  deleteSession(sessionId: string): void {
    requireSessionId('deleteSession', sessionId);
    this.#writer.forgetSession(sessionId);
    this.processor.store.delete(sessionId);
  }

  /**
   * Erases the session everywhere: in the store, all daily files that are kept, and the spool of this process and of dead ones;
   * readers end with `'deleted'`. What is logged before the call is meant; what is logged after the promise resolves belongs
   * to a new session of that id; what is logged in between may be erased too. The receipt says what was removed
   * where, and what cannot be. A process that is killed does no harm, and calling it again finishes the work. docs/privacy.md
   *
   * @throws TypeError for a wrong session id; SessionLogsError `not_erasable`, before anything is touched, where lines of the
   * session cannot be told from others; `erasure_incomplete` when a part failed, with all others done; `shut_down`.
   */
  async eraseSession(sessionId: string): Promise<ErasureReceipt> {
    requireSessionId('eraseSession', sessionId);
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    const id = ownText(sessionId);
    return this.#erasures.run(id, {
      store: this.processor.store,
      erasers: [...this.#owned.flatMap(({ eraser }) => eraser ?? []), ...this.processor.erasers],
      forget: () => this.#writer.forgetSession(id),
    });
  }

  /**
   * Kept so that ported code runs: routing happens at once, so `finite` resolves at once. The endless form resolves on
   * shutdown and rejects with the signal's reason on abort.
   */
  distribute(options: { finite?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    const { finite, signal } = parseOptions('distribute', distributeSchema, options);
    if (finite || this.#closing !== undefined) return DONE;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const onAbort = (): void => {
        this.#whenClosed.delete(onClose);
        reject(signal?.reason);
      };
      const stopWatching = signal && watchAbort(signal, onAbort);
      const onClose = (): void => {
        stopWatching?.();
        resolve();
      };
      this.#whenClosed.add(onClose);
    });
  }

  // Reading

  /** The session's messages, from the unread mark on, live. */
  getSessionLogs(sessionId: string, options?: ReaderOptions): SessionReader<string> {
    requireSessionId('getSessionLogs', sessionId);
    return openReader<string>(this.processor.store, sessionId, MESSAGES, options, this.#refusal());
  }

  /** The session's entries, from the oldest of its current life on, live. Resume with `{ from: { after: id } }`. */
  followSession(sessionId: string, options?: ReaderOptions): SessionReader<LogEntry> {
    requireSessionId('followSession', sessionId);
    return openReader<LogEntry>(this.processor.store, sessionId, ENTRIES, options, this.#refusal());
  }

  /**
   * The entries held of the session's current life once more, with the pauses that they had, or faster: for demos, debugging
   * and tests. Ends with `'caught-up'` after the last one that is held now.
   *
   * @throws TypeError for a wrong session id or option.
   */
  replaySession(sessionId: string, options?: ReplayOptions): SessionReplay {
    requireSessionId('replaySession', sessionId);
    const { signal, ...replay } = parseReplayOptions(options);
    const reader = this.followSession(sessionId, { from: 'start', until: 'caught-up', signal });
    return new SessionReplay(ownText(sessionId), reader, { ...replay, signal });
  }

  /**
   * How the latest answer of the session's current life stands, the one that `from: 'stream'` begins with, on whichever host it
   * was logged: `'running'`, `'finished'` (also when its producer is gone: after its lease), `'none'` of a session that has none
   * or is not there. While a remote store's engine is away it waits, as readers do.
   *
   * @throws TypeError for a wrong session id; rejects with a SessionLogsError `shut_down` after a shutdown, or one that comes before
   * the answer, `not_supported` where the engine lets the store read nothing.
   */
  async answerState(sessionId: string): Promise<StreamState> {
    requireSessionId('answerState', sessionId);
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return this.processor.store.answerState(sessionId);
  }

  /**
   * The entries of all sessions, in the order logged, live: from now on, from the oldest one held, or after one of them. Ends and
   * deletions of sessions do not end it. It keeps no session from being evicted: `onGap` tells what was evicted before it
   * came to it, and nothing of what was deleted.
   *
   * @throws SessionLogsError `not_supported` with a remote store: use `followSession` for each session.
   */
  followAll(options?: FollowAllOptions): SessionReader<LogEntry> {
    return followAll(this.processor.store, options, this.#refusal());
  }

  /**
   * The session as a work queue: each chat entry goes to exactly one `pop` of the session, in order, at most once. Ends
   * after a reasoning stop, at the end of an answer, at the session's end, on idle timeout or abort.
   */
  pop(sessionId: string, options?: PopOptions): SessionReader<string> {
    requireSessionId('pop', sessionId);
    return openPop(this.processor.store, sessionId, options, this.#refusal());
  }

  /**
   * The entries held, in the order logged across sessions; a new array.
   *
   * @param options `sessionId`: of that session only. `limit`: the newest n.
   * @throws SessionLogsError `not_supported` with a remote store: use `followSession`.
   */
  getAllLogsInQueue(options: { sessionId?: string; limit?: number } = {}): LogEntry[] {
    const { sessionId, limit } = parseOptions('getAllLogsInQueue', listSchema, options);
    const { store } = this.processor;
    if (store.entries === undefined) {
      throw new SessionLogsError(
        'not_supported',
        'getAllLogsInQueue needs a store that holds its entries in this process; use followSession',
      );
    }
    return store.entries({
      ...(sessionId === undefined ? undefined : { sessionId }),
      ...(limit === undefined ? undefined : { limit }),
    });
  }

  /** Sorted ids of the sessions that hold entries; with a remote store as this process sees them. */
  get allSessionsInQueue(): string[] {
    return this.processor.store.sessionIds();
  }

  /** Sorted ids of live sessions and of readers waiting now; with a remote store as this process sees them. */
  get allSessionsInQueues(): string[] {
    return this.processor.store.activeSessionIds();
  }

  // Streaming out

  /**
   * The text of the latest answer, without tokens, as a web stream that closes after it; live. Nothing is read ahead,
   * `cancel()` frees the reader. It fails when no reader can be had, and at shutdown, when there may be more of the answer. For a `Response`, which takes bytes only: `.pipeThrough(new TextEncoderStream())`.
   *
   * @throws TypeError for a wrong session id or option.
   */
  toReadableStream(sessionId: string, options?: ReaderOptions): ReadableStream<string> {
    return toReadableStream(this.#streamSource(), sessionId, options);
  }

  /**
   * The session as server-sent events in a web `Response`: chat entries from the start of the latest answer on, each as
   * `id` and the JSON of `map(entry)` (default `{ kind, message, timestamp }`), `event: gap` for evicted ones, `event: end`
   * with the reason when nothing more comes for this client. 204 when `lastEventId` is given and nothing comes after it any
   * more. At shutdown, and when no reader can be had, the stream ends without an event, so that an `EventSource` connects
   * again. Rejects with a TypeError for a wrong session id or option.
   *
   * Its reader is free when the body ends or is cancelled, and when the `signal` aborts. On Node give the `response`
   * that the framework writes to as well: not every framework is told of every end.
   */
  toEventStreamResponse<R = IncomingMessage>(
    sessionId: string,
    options?: EventStreamResponseOptions<R>,
  ): Promise<Response> {
    return toEventStreamResponse(this.#streamSource(), sessionId, options);
  }

  /**
   * The same over `node:http` and `node:http2`, with backpressure: a client that does not read costs what its socket
   * buffers, one that is gone frees its reader at once. A response that is queued behind others of its
   * connection opens nothing before its turn. A request body that is not being read is discarded, and a
   * connection that pipelines more behind the stream than Node holds is cut off. Resolves when the stream is over, for
   * whatever reason. A response whose headers are sent is cut off, and the call rejects.
   */
  sendEventStream<R = IncomingMessage>(
    response: NodeResponse,
    sessionId: string,
    options?: EventStreamOptions<R>,
  ): Promise<void> {
    return sendEventStream(this.#streamSource(), response, sessionId, options);
  }

  /**
   * A handler of requests for event streams, for `node:http`, Express, Fastify and frameworks of the web's `Request`: asks
   * `sessionId(request)` which session is meant and `authorize` who may read it, answers 403 without saying why, and goes on
   * after the request's `Last-Event-ID`. Give the type of its requests where no parameter has one and they are not those of
   * `node:http`: `eventStreamHandler<Request>({ sessionId: () => 'abc123', authorize: () => true })`.
   *
   * @example
   * ```ts
   * app.get('/events/:id', sessions.eventStreamHandler({
   *   sessionId: (request: express.Request<{ id: string }>) => request.params.id,
   *   authorize: (request, sessionId) => owns(userOf(request), sessionId),
   * }));
   * ```
   * @throws TypeError for a wrong option.
   */
  eventStreamHandler<R = IncomingMessage>(options: EventStreamHandlerOptions<R>): EventStreamHandler<R> {
    return eventStreamHandler(() => this.#streamSource(), options);
  }

  // Ends

  /** Whether `shutdown()` was called: later writes are counted and ignored, new readers are refused. */
  get isShutDown(): boolean {
    return this.#closing !== undefined;
  }

  /** Counters: sessions, readers, entries, bytes, and what was lost, by reason. */
  stats(): SessionLogsStats {
    const stats = this.processor.stats();
    const owned = this.#owned.map((part) => ({ destination: part.destination, lost: part.lost() }));
    const destinations = owned.flatMap(({ destination, lost }) =>
      destination === undefined ? [] : [[destination, { lost }] as const],
    );
    return {
      ...stats,
      lost: addUp(stats.lost, ...owned.map(({ lost }) => lost)),
      // Not assigned by name: `__proto__` is one too.
      destinations: Object.fromEntries(destinations),
    };
  }

  /**
   * Why a log may not have arrived: findings, each with its fix, what was looked at, and what could not be;
   * `String(await sessions.diagnose())` prints it. It emits no record. It sends what the exporters send to an export without records, and
   * asks the store for a session that there is not. Takes a few seconds at most.
   */
  async diagnose(): Promise<Diagnosis> {
    const { diagnose } = await import('../diagnose/diagnose.ts');
    return diagnose({
      processor: this.processor,
      provider: () => this.#writer.provider,
      lost: this.stats().lost,
      parts: this.#owned.flatMap(({ facts }) => (facts === undefined ? [] : [facts])),
    });
  }

  /**
   * Resolves when everything emitted before the call is acknowledged by every exporter that this instance owns, and
   * stored. In an OTel setup of your own, flush your provider.
   *
   * @param options `timeoutMillis` defaults to 30,000.
   * @throws SessionLogsError with the number `pending` when it is not in time.
   */
  async forceFlush(options: { timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('forceFlush', options) ?? FLUSH_MILLIS;
    await flushAll([storePart(this.processor), ...this.#owned], timeoutMillis);
  }

  /**
   * Whether the session's entries logged before the call have reached the collector, and up to which one: resolves when
   * they are acknowledged, or at the timeout (default 30,000) with what is still pending. What a redaction holds back of a text
   * under way is pending as well.
   *
   * @throws SessionLogsError `no_durable_exporter` without a `DurableLogRecordProcessor` after our processor, or an exporter
   * of `startSessionLogs`.
   */
  async flushSession(sessionId: string, options: { timeoutMillis?: number } = {}): Promise<DeliveryReport> {
    requireSessionId('flushSession', sessionId);
    const timeoutMillis = timeoutOption('flushSession', options) ?? FLUSH_MILLIS;
    const delivery = this.#durable ?? this.processor.delivery;
    if (delivery === undefined) {
      throw new SessionLogsError(
        'no_durable_exporter',
        'flushSession needs an exporter of this package: an `endpoint` or `exporter` of startSessionLogs, or a DurableLogRecordProcessor, ' +
          'after this processor in your provider or as the option `durable`',
      );
    }
    const report = await delivery.flushSession(sessionId, { timeoutMillis });
    const held = this.#writer.heldIn(sessionId);
    return held === 0 ? report : { ...report, pending: report.pending + held };
  }

  /**
   * Ends this instance; every call gets the same promise. Later writes are counted and ignored. Readers still deliver what
   * is held, then end with `'shutdown'`; they are not waited for. Exporters flush within the time.
   *
   * @param options `timeoutMillis` defaults to 10,000.
   * @throws SessionLogsError `shutdown_timeout` when it is not in time, with the number `pending`: what is lost of it is
   * counted in `stats().lost`.
   */
  shutdown(options: { timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('shutdown', options) ?? SHUTDOWN_MILLIS;
    return (this.#closing ??= this.#close(timeoutMillis));
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#writer.close();
    for (const resolve of this.#whenClosed) resolve();
    this.#whenClosed.clear();
    const left = await this.#erasures.settled(timeoutMillis);
    await shutdownAll([storePart(this.processor), ...this.#owned], left);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #streamSource(): StreamSource {
    return { store: this.processor.store, refusal: this.#refusal(), shares: this.#shares };
  }

  #refusal(): SessionLogsError | undefined {
    if (this.#closing === undefined) return undefined;
    return new SessionLogsError('shut_down', 'this SessionLogs is shut down');
  }
}

function storePart(processor: SessionLogRecordProcessor): OwnedPart {
  return {
    name: 'store',
    forceFlush: (timeoutMillis) => processor.forceFlush({ timeoutMillis }),
    shutdown: (timeoutMillis) => processor.shutdown({ timeoutMillis }),
    lost: () => ({}),
  };
}
