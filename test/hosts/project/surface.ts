/** The whole public surface as a host's compiler sees it; never run. Each exported name has to occur in here. */
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import * as sdk from '@opentelemetry/sdk-logs';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import type { LogRecordExporter, LogRecordProcessor } from '@opentelemetry/sdk-logs';
import {
  bridgeLogsApi,
  defaultStreamHandler,
  isSessionId,
  logEntryInputSchema,
  logEntrySchema,
  MemorySessionStore,
  REASONING_START_TOKEN,
  REASONING_STOP_TOKEN,
  SessionLogRecordProcessor,
  SessionLogs,
  SessionLogsError,
  sessionIdOf,
  SessionReader,
  sharedSessionLogs,
  signSessionLink,
  SPECIAL_END_TOKENS,
  SPECIAL_TOKENS,
  startSessionLogs,
  STREAM_END_TOKEN,
  STREAM_START_TOKEN,
  TOOL_CALL_END_TOKEN,
  TOOL_CALL_START_TOKEN,
  verifySessionLink,
  withSession,
} from 'otel-session-logs';
import {
  CoalescingLogRecordProcessor,
  DateFileLogRecordProcessor,
  DurableLogRecordProcessor,
} from 'otel-session-logs/export';
import type {
  Authorization,
  Authorize,
  CorsOptions,
  EventStreamHandler,
  EventStreamHandlerOptions,
  FastifyReplyLike,
  GateOptions,
  LinkScope,
  ReadersPerClient,
  ReplayOptions,
  RevocableLinkOptions,
  SessionLink,
  SessionReplay,
  Severity,
  SeverityName,
  SignSessionLinkOptions,
  VerifySessionLinkOptions,
  ControlKind,
  DailyFileOptions,
  DeliveryReport,
  Destination,
  Diagnosis,
  ConsoleFormat,
  ConsumedAnswer,
  EndReason,
  ErasedEntries,
  ErasedPart,
  ErasureReceipt,
  ExportedRecords,
  SessionEraser,
  EntryDetail,
  EntryKind,
  EventStreamOptions,
  EventStreamResponseOptions,
  Finding,
  FindingCode,
  FollowAllOptions,
  Gap,
  JsonValue,
  LeveledWrite,
  LogEntry,
  LogEntryInput,
  LogType,
  LossReason,
  MappedChunk,
  Maybe,
  MemorySessionStoreOptions,
  NodeResponse,
  OpenAllOptions,
  OpenOptions,
  OtelLoggerProvider,
  PopOptions,
  ReaderOptions,
  Redact,
  RedactableEntry,
  SessionCursor,
  SessionDelivery,
  SessionHandle,
  SessionLogger,
  SessionLogRecordProcessorOptions,
  SessionLogsErrorCode,
  SessionLogsOptions,
  SessionLogsStats,
  SessionStore,
  StartPosition,
  StartSessionLogsOptions,
  Step,
  StoreStats,
  StreamHandler,
  StreamState,
  TapOptions,
  TokenUsage,
  Waiter,
  WriteOptions,
} from 'otel-session-logs';
import type {
  CoalescingLogRecordProcessorOptions,
  CoalescingOptions,
  CoalescingStats,
  DateFileLogRecordProcessorOptions,
  DateFileStats,
  DurableLogRecordProcessorOptions,
  DurableStats,
  LineFormat,
  LineRecord,
  Loss,
} from 'otel-session-logs/export';
import { patternRedaction } from 'otel-session-logs/redaction';
import type {
  PatternRedaction,
  PatternRedactionOptions,
  RedactionPattern,
  WhenTooLong,
} from 'otel-session-logs/redaction';
import { RedisFailure, RedisSessionStore } from 'otel-session-logs/redis';
import type {
  IoRedisLike,
  NodeRedisLike,
  RedisCommand,
  RedisConnection,
  RedisConnectionEvents,
  RedisPort,
  RedisReply,
  RedisSessionStoreOptions,
} from 'otel-session-logs/redis';
import { idPart, idParts, RemoteRefusal, RemoteSessionStore } from 'otel-session-logs/remote';
import type {
  RemoteAppend,
  RemoteItem,
  RemoteErasure,
  RemoteLease,
  RemoteLog,
  RemoteLogEvents,
  RemoteRange,
  RemoteSessionStoreOptions,
  RemoteStoreOptions,
  RemoteWrite,
} from 'otel-session-logs/remote';
import { describeRemoteLog, describeSessionStore, recordSessionLogs } from 'otel-session-logs/testing';
import type {
  ContractRunner,
  ContractStoreOptions,
  MakeRemoteLog,
  MakeSessionStore,
  RecordedLog,
  RecordSessionLogsOptions,
  SessionLogsRecorder,
  Truthy,
  UntilOptions,
} from 'otel-session-logs/testing';

// Processors in a provider of the host's own line.

const exporter: LogRecordExporter = new OTLPLogExporter({ url: 'http://localhost:4318/v1/logs' });
const merging: CoalescingOptions = { maxChars: 10_000, maxDelayMillis: 1000, content: 'keep' };
const mergingProcessor: CoalescingLogRecordProcessorOptions = {
  ...merging,
  processor: new BatchLogRecordProcessor({ exporter }),
};
const onLoss = (loss: Loss): void => {
  const reason: LossReason = loss.reason;
  console.error(reason, loss.count satisfies number);
};
const durableOptions: DurableLogRecordProcessorOptions = { exporter, directory: '/var/spool/app', onLoss };
const dateFileOptions: DateFileLogRecordProcessorOptions = { directory: 'logs', retentionDays: 7, compress: true };
const sessionOptions: SessionLogRecordProcessorOptions = { store: new MemorySessionStore() };

const durable = new DurableLogRecordProcessor(durableOptions);
const coalescing = new CoalescingLogRecordProcessor(mergingProcessor);
const dateFile = new DateFileLogRecordProcessor(dateFileOptions);
const delivery: SessionDelivery = durable;
const redact: Redact = (entry: RedactableEntry): RedactableEntry | undefined => {
  entry.message = entry.message.replace(/\d{4}/g, '****');
  return entry.sessionId === 'secret' ? undefined : entry;
};
const streamHandler: StreamHandler = defaultStreamHandler;
const memoryOptions: MemorySessionStoreOptions = {
  maxEntriesPerSession: 100,
  overflow: 'drop-newest',
  reservedShare: 0.2,
};
const options: SessionLogsOptions = {
  ...sessionOptions,
  redact,
  streamHandler,
  durable: delivery,
  store: new MemorySessionStore(memoryOptions),
};
const sessions = new SessionLogs(options);
const processors: LogRecordProcessor[] = [
  sessions.processor,
  new SessionLogRecordProcessor(),
  coalescing,
  dateFile,
  durable,
];
const provider: OtelLoggerProvider = new LoggerProvider({ processors });
export const bridged: boolean = bridgeLogsApi();

// Writing

const logger: SessionLogger = sessions.logger;
const warn: LeveledWrite = logger.warn;
const kind: EntryKind = 'reasoning-start';
const mark: ControlKind = 'tool-call-end';
const logType: LogType = 'chat';
const write: WriteOptions = { kind, logType, attributes: { model: 'm-1' }, timestamp: new Date(), streamId: 'a' };

export async function writing(): Promise<void> {
  await sessions.logChunkToQueue('Hello', 'abc123', write);
  warn('slow', { millis: 5 }, { exception: new Error('timeout') });
  const handle: SessionHandle = sessions.session('abc123');
  await handle.write('text');
  await handle.mark(mark);
  handle.end();
  const answer: number = withSession('abc123', () => 42);
  const same: Promise<string> = sessions.withSession('abc123', async () => `${answer} ${sessionIdOf() ?? ''}`);
  await same;
  const mapped: MappedChunk = { text: 'a', finishReason: 'stop', usage: { input_tokens: 1 } };
  const tapping: TapOptions<{ text: string }> = {
    map: (chunk) => (chunk.text === '' ? mapped : chunk.text),
    signal: new AbortController().signal,
    export: false,
    read: true,
    attributes: { model: 'm-1' },
  };
  const consumed: ConsumedAnswer = await handle.consume(new ReadableStream<{ text: string }>(), tapping);
  const usage: TokenUsage | undefined = consumed.usage;
  const state: StreamState = await sessions.answerState(`${consumed.finishReason} ${usage?.inputTokens}`);
  state satisfies 'running' | 'finished' | 'none';
  const web: ReadableStream<{ text: string }> = sessions.tap('abc123', new ReadableStream<{ text: string }>(), tapping);
  await web.cancel();
  async function* model(): AsyncGenerator<string> {
    yield 'chunk';
  }
  for await (const chunk of sessions.tap('abc123', model())) chunk satisfies string;
  await sessions.distribute({ finite: true });
  sessions.endSession('abc123');
  sessions.deleteSession('abc123');
}

// Reading

const from: StartPosition = { after: 'id' };
const reading: ReaderOptions = {
  from,
  until: 'stream-end',
  logType: 'all',
  minimumSeverity: 9,
  tokens: false,
  wait: true,
  idleTimeoutMillis: 1000,
  signal: AbortSignal.timeout(1000),
  onGap: ({ missed }: Gap) => console.error(missed satisfies number),
};
const popping: PopOptions = { idleTimeoutMillis: 1000 };
const eventStream: EventStreamOptions = {
  ...reading,
  lastEventId: 'id',
  map: (entry) => ({ text: entry.message }),
  keepAliveMillis: 1000,
  retryMillis: 1000,
  onError: ({ message }) => message,
};

export async function erasing(eraser: SessionEraser): Promise<number> {
  const receipt: ErasureReceipt = await sessions.eraseSession('a');
  const exported: ExportedRecords = receipt.exported;
  const part: ErasedPart = await eraser.eraseSession('a');
  const entries: ErasedEntries | undefined = await sessions.processor.store.erase?.('a');
  return exported.records + (part.file?.lines ?? 0) + (entries?.entries ?? 0) + receipt.store.entries;
}

export async function readingAll(): Promise<EndReason | undefined> {
  for await (const chunk of sessions.getSessionLogs('abc123', reading)) chunk satisfies string;
  for await (const chunk of sessions.pop('abc123', popping)) chunk satisfies string;
  await using follower = sessions.followSession('abc123');
  for await (const entry of follower) {
    const { id, sessionId, message, timestamp, kind: which, attributes }: LogEntry = entry;
    const value: JsonValue | undefined = attributes?.['model'];
    console.log(id, sessionId, message, timestamp, which, value);
  }
  const generic: SessionReader<string> = sessions.getSessionLogs('abc123');
  console.log(generic instanceof SessionReader, generic.lastId, generic.missed satisfies number);
  const everything: FollowAllOptions = { from: 'oldest', until: 'caught-up', logType: 'chat', minimumSeverity: 13 };
  for await (const { sessionId, message } of sessions.followAll(everything)) console.log(sessionId, message);
  const all: LogEntry[] = sessions.getAllLogsInQueue({ sessionId: 'abc123', limit: 10 });
  console.log(all, sessions.allSessionsInQueue, sessions.allSessionsInQueues);
  return follower.endReason;
}

export async function streamingOut(): Promise<Response> {
  const text: ReadableStream<string> = sessions.toReadableStream('abc123');
  await text.cancel();
  createServer((_, response) => {
    sessions.sendEventStream(response, 'abc123', eventStream).catch(console.error);
  });
  createHttp2Server((_, response: NodeResponse) => {
    const framed: EventStreamResponseOptions = { ...eventStream, response };
    sessions.toEventStreamResponse('abc123', framed).catch(console.error);
  });
  return sessions.toEventStreamResponse('abc123', eventStream);
}

export const tokens: readonly string[] = [
  STREAM_START_TOKEN,
  STREAM_END_TOKEN,
  REASONING_START_TOKEN,
  REASONING_STOP_TOKEN,
  TOOL_CALL_START_TOKEN,
  TOOL_CALL_END_TOKEN,
  ...SPECIAL_TOKENS,
  ...SPECIAL_END_TOKENS,
];
export const parsed: LogEntry = logEntrySchema.parse(JSON.parse('{}'));
export const input: LogEntryInput = logEntryInputSchema.parse({ sessionId: 'abc123', message: '', timestamp: 0 });

// Ends and counters

export async function ending(): Promise<void> {
  const stats: StoreStats = sessions.stats();
  const fileStats: DateFileStats = dateFile.stats();
  const durableStats: DurableStats = durable.stats();
  const coalescingStats: CoalescingStats = coalescing.stats();
  console.log(stats.lost, fileStats.lost, durableStats.pending.own, coalescingStats.answers);
  const report: DeliveryReport = await sessions.flushSession('abc123', { timeoutMillis: 1000 });
  console.log(report.deliveredId, report.pending);
  const diagnosis: Diagnosis = await sessions.diagnose();
  const findings: readonly Finding[] = diagnosis.findings;
  const codes: readonly FindingCode[] = findings.map(({ code }) => code);
  console.log(String(diagnosis), codes);
  try {
    await sessions.forceFlush({ timeoutMillis: 1000 });
    await sessions.shutdown({ timeoutMillis: 1000 });
  } catch (error) {
    if (!(error instanceof SessionLogsError)) throw error;
    const code: SessionLogsErrorCode = error.code;
    console.error(code, error.pending);
  }
}

export async function starting(): Promise<void> {
  const file: DailyFileOptions = { maxFileBytes: 1_000_000 };
  const format: ConsoleFormat = 'plain';
  const start: StartSessionLogsOptions = {
    directory: 'logs',
    file,
    console: format,
    sdk,
    endpoint: 'http://localhost:4318',
    spool: { directory: '/var/spool/app' },
    coalesce: merging,
    resource: { 'service.name': 'host' },
    minimumSeverity: { file: 9, console: 13, export: 17 },
    registerGlobally: true,
  };
  const own: Destination = {
    name: 'own',
    processor: new BatchLogRecordProcessor({ exporter }),
    minimumSeverity: 'warn',
  };
  await using started = await startSessionLogs({ ...start, destinations: [own] });
  const stats: SessionLogsStats = started.stats();
  console.log(stats.destinations['own']?.lost);
  const shared: SessionLogs = sharedSessionLogs();
  const bound = new SessionLogs({ loggerProvider: () => provider });
  console.log(started.stats(), shared.stats(), bound.stats());
}

// Who may read, and what

export function redacting(): SessionLogs {
  const whenTooLong: WhenTooLong = 'release';
  const pattern: RedactionPattern = {
    pattern: /secret/g,
    replacement: (match) => '*'.repeat(match.length),
    whenTooLong,
  };
  const options: PatternRedactionOptions = { maxHeldChars: 100, holdMillis: 10 };
  const redaction: PatternRedaction = patternRedaction([pattern], options);
  return new SessionLogs({ redact: redaction });
}

export function gate(sessions: SessionLogs): void {
  const scope: LinkScope = 'all';
  const signing: SignSessionLinkOptions = { secret: 'x'.repeat(32), expiresInSeconds: 60, scope };
  const token = signSessionLink('a', signing);
  const checking: VerifySessionLinkOptions = { secret: [signing.secret] };
  const link: SessionLink | undefined = verifySessionLink(token, checking);
  const unchecked: unknown = link?.sessionId;
  if (isSessionId(unchecked)) sessions.endSession(unchecked);
  const revocable: RevocableLinkOptions = { ...checking, isRevoked: () => false };
  const later: Promise<SessionLink | undefined> = verifySessionLink(token, revocable);
  const answer: Authorization = link === undefined ? false : { logType: link.scope };
  const authorize: Authorize<Request> = () => answer;
  const maxReadersPerClient: ReadersPerClient<Request> = { max: 10, key: ({ url }) => url };
  const gated: GateOptions<Request> = { authorize, maxReadersPerClient };
  const cors: CorsOptions = { origin: 'https://example.com', credentials: true };
  const options: EventStreamHandlerOptions<Request> = {
    sessionId: ({ url }) => url,
    authorize,
    cors,
    maxReadersPerClient,
  };
  const handler: EventStreamHandler<Request> = sessions.eventStreamHandler(options);
  const reply: FastifyReplyLike | undefined = undefined;
  console.log(handler, gated, later, reply);
}

export async function replay(sessions: SessionLogs): Promise<void> {
  const options: ReplayOptions = { speed: 2 };
  const replayed: SessionReplay = sessions.replaySession('a', options);
  for await (const { message } of replayed) console.log(message);
}

export function lines(): DateFileLogRecordProcessor {
  const name: SeverityName = 'warn';
  const minimumSeverity: Severity = name;
  const format: LineFormat = ({ message }: LineRecord) => message;
  return new DateFileLogRecordProcessor({ format, minimumSeverity });
}

// A store of the user's own

export class OwnStore implements SessionStore {
  readonly #inner: SessionStore = new MemorySessionStore();

  append(sessionId: string, message: string, timestamp: number, detail: EntryDetail | undefined): boolean {
    return this.#inner.append(sessionId, message, timestamp, detail);
  }
  end(sessionId: string): void {
    this.#inner.end(sessionId);
  }
  delete(sessionId: string): void {
    this.#inner.delete(sessionId);
  }
  open(sessionId: string, open: OpenOptions): SessionCursor {
    return this.#inner.open(sessionId, open);
  }
  claim(sessionId: string): SessionCursor {
    return this.#inner.claim(sessionId);
  }
  openAll(options: OpenAllOptions): SessionCursor {
    return this.#inner.openAll?.(options) ?? this.open('', { from: 'now' });
  }
  streamState(sessionId: string, id: string): Maybe<StreamState> {
    return this.#inner.streamState(sessionId, id);
  }
  answerState(sessionId: string): Maybe<StreamState> {
    return this.#inner.answerState(sessionId);
  }
  sessionIds(): string[] {
    return this.#inner.sessionIds();
  }
  activeSessionIds(): string[] {
    return this.#inner.activeSessionIds();
  }
  flush(timeoutMillis?: number): Promise<void> {
    return this.#inner.flush(timeoutMillis);
  }
  close(timeoutMillis?: number): Promise<void> {
    return this.#inner.close(timeoutMillis);
  }
  stats(): StoreStats {
    return this.#inner.stats();
  }
}

export async function stepping(store: SessionStore): Promise<Step> {
  const waiter: Waiter = { wake: () => undefined };
  const cursor = store.open('abc123', { from: 'start', isBounded: true });
  cursor.wait(waiter);
  const entered: true | string = cursor.enter(true);
  if (entered !== true) console.error(entered);
  return cursor.step();
}

// The other doors

class OwnConnection implements RedisConnection {
  async exec(commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
    return commands.map(({ args }) => new RedisFailure('ERR', args));
  }
  async subscribe(): Promise<void> {}
  async unsubscribe(): Promise<void> {}
  close(): void {}
}

const port: RedisPort = {
  isCluster: false,
  connect(events: RedisConnectionEvents): RedisConnection {
    queueMicrotask(() => events.ready());
    return new OwnConnection();
  },
};

export function redisStores(node: NodeRedisLike, io: IoRedisLike): SessionStore[] {
  const redis: RedisSessionStoreOptions = { client: port, prefix: 'app', idleTtlMillis: 1000 };
  return [new RedisSessionStore(redis), new RedisSessionStore({ client: node }), new RedisSessionStore({ client: io })];
}

class OwnLog implements RemoteLog {
  readonly name = 'Own';
  readonly #items: RemoteItem[] = [];
  #events: RemoteLogEvents | undefined;

  start(events: RemoteLogEvents): void {
    this.#events = events;
  }
  readonly leases: RemoteLease[] = [];

  async append({ session, writes, renews }: RemoteAppend): Promise<void> {
    this.leases.push(...renews);
    if (writes.some(({ replacesAll }: RemoteWrite) => replacesAll)) throw new RemoteRefusal('NO', { isFinal: true });
    for (const { fields } of writes) this.#items.push({ id: idPart(String(this.#items.length)), fields });
    this.#events?.wake(session);
  }
  async erase(_: string, { counted, farewell }: RemoteErasure): Promise<number> {
    return counted.length + farewell.millis;
  }

  async read(_: string, { limit }: RemoteRange): Promise<readonly RemoteItem[]> {
    return this.#items.slice(0, limit);
  }
  async claim(): Promise<RemoteItem | undefined> {
    return this.#items.shift();
  }
  async setAside(): Promise<void> {}
  async watch(): Promise<void> {}
  async unwatch(): Promise<void> {}
  async lapse(): Promise<undefined> {}
  isId(text: string): boolean {
    return idParts(text)?.length === 1;
  }
  close(): void {}
}

export function remoteStore(): SessionStore {
  const bounds: RemoteStoreOptions = { maxEntriesPerSession: 100, idleTtlMillis: 1000 };
  const options: RemoteSessionStoreOptions = { log: new OwnLog(), ...bounds };
  return new RemoteSessionStore(options);
}

export function contract(runner: ContractRunner): void {
  const makeLog: MakeRemoteLog = () => new OwnLog();
  describeRemoteLog('OwnLog', makeLog, runner);
  const make: MakeSessionStore = (wanted: ContractStoreOptions) => new MemorySessionStore(wanted);
  describeSessionStore('MemorySessionStore', make, runner);
}

// A recorder for the host's own tests

export async function recording(): Promise<Truthy<string | undefined>> {
  const options: RecordSessionLogsOptions = { coalesce: { maxChars: 100 }, redact: (entry) => entry };
  const recorder: SessionLogsRecorder = recordSessionLogs(options);
  await recorder.sessions.logChunkToQueue('Hello', 'abc123');
  const all: readonly RecordedLog[] = recorder.records;
  const wait: UntilOptions = { timeoutMillis: 1_000 };
  const text: string = await recorder.until((records) => records.at(0)?.message, wait);
  recorder.loggerProvider.getLogger(`${all.length} ${recorder.entries.length}`).emit({ body: text });
  recorder.clear();
  await recorder.shutdown();
  return text;
}
