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
   * What each destination lost, by its name: `export`, `console`, `file`, and those of the option `destinations`. Empty
   * unless `startSessionLogs` or `register` made the instance. `lost` adds them all up.
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

/** Set by the class, because only the class reaches its private members. */
let become: (sessions: SessionLogs, options: SessionLogsOptions, owned: readonly OwnedPart[]) => void;

/**
 * Gives an instance the options and parts of a start, so that whoever holds the instance holds the
 * started one. If a `store` is given, the entries move into it, and open readers deliver what is held and end with
 * `'shutdown'`; otherwise readers go on.
 *
 * @throws TypeError for a wrong option; then nothing has changed.
 */
export function becomeStarted(sessions: SessionLogs, options: SessionLogsOptions, owned: readonly OwnedPart[]): void {
  become(sessions, options, owned);
}

/**
 * The logs of many sessions: write, read live, replay, resume.
 *
 * Put `processor` into your provider, and every record of a session can be read here. Without a provider, chunks go
 * straight into the sessions. Use one instance per provider.
 *
 * @example
 * ```ts
 * const sessions = new SessionLogs();
 * await sessions.logChunkToQueue('Hello', 'abc123');
 * for await (const chunk of sessions.getSessionLogs('abc123', { until: 'caught-up' })) console.log(chunk);
 * ```
 */
export class SessionLogs {
  /** Put it into your provider, before the processors of your exporters. */
  readonly processor: SessionLogRecordProcessor;
  /** Writes leveled logs into the session of the running code; outside any session, without one. */
  readonly logger: SessionLogger;
  readonly #writer: SessionWriter;
  #owned: readonly OwnedPart[];
  #durable: SessionDelivery | undefined;
  readonly #shares = new ClientShares();
  #closing: Promise<void> | undefined;
  readonly #erasures = new Erasures();
  readonly #whenClosed = new Set<() => void>();

  /** @param owned Parts that this instance flushes and shuts down; given by `startSessionLogs`. */
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
    // Parts of an earlier start, which left this instance to the next one, still have to be flushed.
    this.#owned = [...this.#owned, ...owned];
  }

  // Writing

  /**
   * Logs one chunk of a session. With an embedded store it is readable before the call returns. The promise never
   * rejects because of a reader or a destination.
   *
   * A message that equals a stream token gets that token's kind; a token inside a longer text stays text.
   *
   * @throws TypeError at once, with nothing stored, if the message is not a string, the session id is not a string of 1
   * to 256 characters, or an option is wrong.
   */
  logChunkToQueue(message: string, sessionId: string, options?: WriteOptions): Promise<void> {
    this.#writer.write(message, sessionId, options);
    return DONE;
  }

  /**
   * Passes a model's stream through unchanged (an async iterable stays one, a web stream stays one) and logs its chunks
   * as the text of an answer of its own. The answer begins with a `stream-start` at the first read and always ends with
   * a `stream-end`, which has the finish reason and the token usage that AI SDK, OpenAI or LangChain put into their
   * chunks. If the source fails, an `error` entry precedes the `stream-end`, and you still get the error. If it is
   * stopped (by `signal`, by an `AbortError`, or because you break off), the finish reason is `aborted`.
   *
   * Reading the returned stream drives the model. If the answer must outlive its first client, use `consume`.
   *
   * @throws TypeError for a wrong session id, source or option, or a web stream that is locked.
   */
  tap<T>(sessionId: string, source: ReadableStream<T>, options?: TapOptions<T>): ReadableStream<T> & AsyncIterable<T>;
  tap<T>(sessionId: string, source: AsyncIterable<T>, options?: TapOptions<T>): AsyncIterable<T>;
  tap<T>(sessionId: string, source: AsyncIterable<T> | ReadableStream<T>, options?: TapOptions<T>): AsyncIterable<T> {
    return tap(this.#writer, sessionId, source as AsyncIterable<T>, options);
  }

  /**
   * Reads a model's stream to its end, whether or not anybody listens, and logs it as `tap` does. Clients may come and
   * go, each with its own reader of the session. The `stream-start` is written before the call returns.
   *
   * Resolves when the answer is over, with `finishReason` and `usage` if the source gave them. It never rejects: an
   * error of the source becomes an `error` entry of the session and the `error` of the result. After `shutdown` it
   * reads on but logs nothing.
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

  /** Returns a handle bound to one session. */
  session(sessionId: string): SessionHandle {
    requireSessionId('session', sessionId);
    return new SessionHandle(this, sessionId);
  }

  /**
   * Runs `fn`; every record emitted inside it, by any OpenTelemetry-instrumented logger, belongs to the session. See
   * {@link withSession}.
   */
  withSession<T>(sessionId: string, fn: () => T): T {
    return withSession(sessionId, fn);
  }

  /**
   * Ends the session's current life: readers end when they reach this mark. Later entries begin its next life, in the
   * same log. A session without entries is remembered as ended, so that a later reader does not wait. Ending an ended
   * session again only ends readers that wait on it.
   */
  endSession(sessionId: string): void {
    requireSessionId('endSession', sessionId);
    this.#writer.endSession(sessionId);
    this.processor.store.end(sessionId);
  }

  /** Deletes the session's log at once; its readers end with `'deleted'`. */
  deleteSession(sessionId: string): void {
    requireSessionId('deleteSession', sessionId);
    this.#writer.forgetSession(sessionId);
    this.processor.store.delete(sessionId);
  }

  /**
   * Erases the session everywhere: in the store, in all daily files that are kept, and in the spools of this process
   * and of dead ones. Readers end with `'deleted'`. It erases what was logged before the call; what is logged before
   * the promise resolves may be erased too; what is logged afterwards belongs to a new session of that id. The receipt
   * says what was removed where, and what cannot be removed. If the process is killed meanwhile, call it again to
   * finish. See docs/privacy.md.
   *
   * @throws TypeError for a wrong session id; SessionLogsError `not_erasable`, before anything is touched, if the
   * session's lines cannot be told from others; `erasure_incomplete` if a part failed, after all others are done;
   * `shut_down`.
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
   * Only for ported code. Routing happens at once, so with `finite` it resolves at once; without, it resolves on
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

  /** Reads the session's messages live, from the unread mark on. */
  getSessionLogs(sessionId: string, options?: ReaderOptions): SessionReader<string> {
    requireSessionId('getSessionLogs', sessionId);
    return openReader<string>(this.processor.store, sessionId, MESSAGES, options, this.#refusal());
  }

  /**
   * Reads the session's entries live, from the oldest of its current life on. Resume with `{ from: { after: id } }`.
   */
  followSession(sessionId: string, options?: ReaderOptions): SessionReader<LogEntry> {
    requireSessionId('followSession', sessionId);
    return openReader<LogEntry>(this.processor.store, sessionId, ENTRIES, options, this.#refusal());
  }

  /**
   * Replays the entries held of the session's current life, with their original pauses or faster: for demos, debugging
   * and tests. Ends with `'caught-up'` after the last entry held at the call.
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
   * Returns the state of the latest answer in the session's current life, the one that `from: 'stream'` begins with,
   * whichever host logged it: `'running'`, `'finished'` (also after the lease of a producer that is gone), or `'none'`
   * if there is no answer or no session. While a remote store's engine is away it waits, as readers do.
   *
   * @throws TypeError for a wrong session id; SessionLogsError `shut_down` if `shutdown()` was called before or
   * meanwhile; `not_supported` if the engine does not let the store read.
   */
  async answerState(sessionId: string): Promise<StreamState> {
    requireSessionId('answerState', sessionId);
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return this.processor.store.answerState(sessionId);
  }

  /**
   * Reads the entries of all sessions live, in the order logged: from now on, from the oldest one held, or after a
   * given one. It goes on when sessions end or are deleted. It does not keep sessions from being evicted: `onGap`
   * reports entries that were evicted before it reached them, but not deleted ones.
   *
   * @throws SessionLogsError `not_supported` with a remote store: use `followSession` for each session.
   */
  followAll(options?: FollowAllOptions): SessionReader<LogEntry> {
    return followAll(this.processor.store, options, this.#refusal());
  }

  /**
   * Reads the session as a work queue: each chat entry goes to exactly one `pop` of the session, in order, at most
   * once. Ends after a reasoning stop, at the end of an answer, at the session's end, on idle timeout or on abort.
   */
  pop(sessionId: string, options?: PopOptions): SessionReader<string> {
    requireSessionId('pop', sessionId);
    return openPop(this.processor.store, sessionId, options, this.#refusal());
  }

  /**
   * Returns the entries held, in the order logged across sessions, as a new array.
   *
   * @param options `sessionId`: only entries of that session. `limit`: only the newest n.
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
   * Returns the text of the latest answer, live and without tokens, as a web stream that closes after the answer. It
   * reads nothing ahead; `cancel()` frees the reader. The stream fails if no reader is available, and at a shutdown
   * before the end of the answer. A `Response` takes only bytes: use `.pipeThrough(new TextEncoderStream())`.
   *
   * @throws TypeError for a wrong session id or option.
   */
  toReadableStream(sessionId: string, options?: ReaderOptions): ReadableStream<string> {
    return toReadableStream(this.#streamSource(), sessionId, options);
  }

  /**
   * Returns a web `Response` that sends the session as server-sent events: chat entries from the start of the latest
   * answer on, each as `id` and the JSON of `map(entry)` (default `{ kind, message, timestamp }`), `event: gap` for
   * evicted entries, and `event: end` with the reason when nothing more comes for this client. The status is 204 if
   * `lastEventId` is given and nothing can follow it. At shutdown, and if no reader is available, the stream ends
   * without an event, so that an `EventSource` reconnects. Rejects with a TypeError for a wrong session id or option.
   *
   * The reader is freed when the body ends or is cancelled, or when the `signal` aborts. On Node, also give the
   * `response` that the framework writes to: not every framework learns of every end.
   */
  toEventStreamResponse<R = IncomingMessage>(
    sessionId: string,
    options?: EventStreamResponseOptions<R>,
  ): Promise<Response> {
    return toEventStreamResponse(this.#streamSource(), sessionId, options);
  }

  /**
   * Sends the same events over `node:http` and `node:http2`, with backpressure: a client that does not read costs only
   * its socket's buffer, and one that is gone frees its reader at once. A response that is queued behind others of its
   * connection opens no reader before its turn. A request body that nobody reads is discarded, and a connection that
   * pipelines more behind the stream than Node buffers is cut off. Resolves when the stream is over, for whatever
   * reason. If the headers were already sent, it cuts the response off and rejects.
   */
  sendEventStream<R = IncomingMessage>(
    response: NodeResponse,
    sessionId: string,
    options?: EventStreamOptions<R>,
  ): Promise<void> {
    return sendEventStream(this.#streamSource(), response, sessionId, options);
  }

  /**
   * Makes a handler of requests for event streams, for `node:http`, Express, Fastify and frameworks that use the web's
   * `Request`. It asks `sessionId(request)` for the session and `authorize` whether the request may read it, answers
   * 403 without a reason if not, and goes on after the request's `Last-Event-ID`. If the requests are not those of
   * `node:http` and no parameter has a type, give the type: `eventStreamHandler<Request>({ sessionId: () => 'abc123',
   * authorize: () => true })`.
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

  /** Whether `shutdown()` was called: from then on writes are counted and ignored, and new readers are refused. */
  get isShutDown(): boolean {
    return this.#closing !== undefined;
  }

  /** Returns counters: sessions, readers, entries, bytes, and losses by reason. */
  stats(): SessionLogsStats {
    const stats = this.processor.stats();
    const owned = this.#owned.map((part) => ({ destination: part.destination, lost: part.lost() }));
    const destinations = owned.flatMap(({ destination, lost }) =>
      destination === undefined ? [] : [[destination, { lost }] as const],
    );
    return {
      ...stats,
      lost: addUp(stats.lost, ...owned.map(({ lost }) => lost)),
      // Not assigned by name, since `__proto__` is a possible name.
      destinations: Object.fromEntries(destinations),
    };
  }

  /**
   * Finds out why a log may not have arrived: returns findings, each with its fix, and lists what was and was not
   * checked. Print it with `String(await sessions.diagnose())`. It emits no record, but sends an export without records
   * to the exporters' endpoints and asks the store for a session that does not exist. Takes a few seconds at most.
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
   * Resolves when everything emitted before the call is stored, and acknowledged by every exporter that this instance
   * owns. In an OpenTelemetry setup of your own, flush your provider instead.
   *
   * @param options `timeoutMillis`: default 30,000.
   * @throws SessionLogsError, with the number `pending`, if that takes longer.
   */
  async forceFlush(options: { timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('forceFlush', options) ?? FLUSH_MILLIS;
    await flushAll([storePart(this.processor), ...this.#owned], timeoutMillis);
  }

  /**
   * Tells whether the session's entries logged before the call have reached the collector, and up to which one.
   * Resolves when they are acknowledged, or at the timeout (default 30,000 ms) with what is still pending. Text that a
   * redaction holds back counts as pending.
   *
   * @throws SessionLogsError `no_durable_exporter` if there is neither an exporter of `startSessionLogs` nor a
   * `DurableLogRecordProcessor` after `processor`.
   */
  async flushSession(sessionId: string, options: { timeoutMillis?: number } = {}): Promise<DeliveryReport> {
    requireSessionId('flushSession', sessionId);
    const timeoutMillis = timeoutOption('flushSession', options) ?? FLUSH_MILLIS;
    const delivery = this.#durable ?? this.processor.delivery;
    if (delivery === undefined) {
      throw new SessionLogsError(
        'no_durable_exporter',
        'flushSession needs an exporter that tells what it delivered: give startSessionLogs an `endpoint` or `exporter`, or put a DurableLogRecordProcessor ' +
          'after this processor in your provider or into the option `durable`',
      );
    }
    const report = await delivery.flushSession(sessionId, { timeoutMillis });
    const held = this.#writer.heldIn(sessionId);
    return held === 0 ? report : { ...report, pending: report.pending + held };
  }

  /**
   * Ends this instance; every call returns the same promise. Later writes are counted and ignored. Readers still
   * deliver what is held, then end with `'shutdown'`; the promise does not wait for them. Exporters flush within the
   * time.
   *
   * @param options `timeoutMillis`: default 10,000.
   * @throws SessionLogsError `shutdown_timeout`, with the number `pending`, if that takes longer; `stats().lost` counts
   * what was lost.
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
