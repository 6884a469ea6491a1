import { reporterFor } from './diagnostics.ts';
import { readableAttributes } from './body.ts';
import { directRecord } from './direct-record.ts';
import type { Echo } from './echo.ts';
import { eventNameOf, isTimestamp } from './entry.ts';
import type { LogType } from './entry.ts';
import { describeValue } from './errors.ts';
import { ATTRIBUTE, SEVERITY } from './otel.ts';
import type { EmittedLogRecord, OtelLogger, OtelLoggerProvider } from './otel.ts';
import type { SessionRouter } from './router.ts';
import { requireSessionId } from './session.ts';
import { controlKindOf, ENTRY_KINDS, isControlKind, REASONING_STOP_TOKEN, tokenOf } from './tokens.ts';
import type { EntryKind } from './tokens.ts';

/** What may be said about a chunk. */
export interface WriteOptions {
  /** Without one, a message that equals a token gets the token's kind, any other is text. */
  readonly kind?: EntryKind | undefined;
  /** @default 'chat' */
  readonly logType?: LogType | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** Any time that `Date` can parse. @default now */
  readonly timestamp?: string | number | Date | undefined;
  /** Which stream of the session the chunk belongs to, when several run side by side. */
  readonly streamId?: string | undefined;
  /** What went wrong, for an `error`: becomes the record's `exception.*` attributes. */
  readonly exception?: unknown;
}

/** Writes leveled logs (`logType: 'log'`) into the session of the running code, or into none. */
export interface SessionLogger {
  trace: LeveledWrite;
  debug: LeveledWrite;
  info: LeveledWrite;
  warn: LeveledWrite;
  error: LeveledWrite;
  fatal: LeveledWrite;
}

export type LeveledWrite = (
  message: string,
  attributes?: Readonly<Record<string, unknown>>,
  options?: { readonly exception?: unknown },
) => void;

/** The name under which our own records stand in a back end. */
const SCOPE_NAME = 'otel-session-logs';

const reporter = reporterFor('writer');

/**
 * Writes chunks and leveled logs through the provider, so that its processors and exporters see them too; where the
 * provider does not lead to our processor, straight into the queues.
 */
export class SessionWriter {
  readonly #router: SessionRouter;
  readonly #provider: () => OtelLoggerProvider | undefined;
  readonly #echo: Echo | undefined;
  readonly logger: SessionLogger;
  #loggerOf: OtelLoggerProvider | undefined = undefined;
  #otelLogger: OtelLogger | undefined = undefined;
  #hasWarned = false;
  #isAttached = false;
  #isClosed = false;

  constructor(router: SessionRouter, provider: () => OtelLoggerProvider | undefined, echo: Echo | undefined) {
    this.#router = router;
    this.#provider = provider;
    this.#echo = echo;
    this.logger = {
      trace: this.#leveled('TRACE', SEVERITY.trace),
      debug: this.#leveled('DEBUG', SEVERITY.debug),
      info: this.#leveled('INFO', SEVERITY.info),
      warn: this.#leveled('WARN', SEVERITY.warn),
      error: this.#leveled('ERROR', SEVERITY.error),
      fatal: this.#leveled('FATAL', SEVERITY.fatal),
    };
  }

  /** Where records are emitted now. */
  get provider(): OtelLoggerProvider | undefined {
    return this.#provider();
  }

  /** Whether the last record emitted through the provider came to our processor. */
  get isAttached(): boolean {
    return this.#isAttached;
  }

  /**
   * Writes one chunk. Readable before the call returns, with an embedded store.
   *
   * @throws TypeError for a message that is no string, a session id that is empty, too long or no string, or a wrong
   * option; nothing is stored then.
   */
  write(message: string, sessionId: string, options?: WriteOptions): void {
    if (typeof message !== 'string') {
      throw new TypeError(`logChunkToQueue: expected the message to be a string, got ${describeValue(message)}`);
    }
    requireSessionId('logChunkToQueue', sessionId);
    const record: EmittedLogRecord = { body: message, attributes: { [ATTRIBUTE.sessionId]: sessionId } };
    if (options !== undefined) applyOptions(record, sessionId, options);
    const kind = options?.kind ?? controlKindOf(message) ?? 'text';
    if (kind !== 'text') {
      record.eventName = eventNameOf(kind) as string;
      if (isControlKind(kind)) record.body = tokenOf(kind) as string;
    }
    const endsReasoning = options?.kind === undefined && kind === 'text' && message.endsWith(REASONING_STOP_TOKEN);
    this.#emit(record, endsReasoning);
    this.#echo?.write(record.body as string);
  }

  #leveled(severityText: string, severityNumber: number): LeveledWrite {
    const name = severityText.toLowerCase();
    return (message, attributes, options) => {
      if (typeof message !== 'string') {
        throw new TypeError(`logger.${name}: expected the message to be a string, got ${describeValue(message)}`);
      }
      const record: EmittedLogRecord = { body: message, severityNumber, severityText };
      if (attributes !== undefined) record.attributes = checkAttributes(`logger.${name}`, attributes);
      if (options?.exception !== undefined) record.exception = options.exception;
      this.#emit(record, false);
    };
  }

  /** Later writes are counted and ignored. */
  close(): void {
    this.#isClosed = true;
    this.#echo?.close();
  }

  #emit(record: EmittedLogRecord, endsReasoning: boolean): void {
    const router = this.#router;
    if (this.#isClosed) return router.lost.add('after_shutdown');
    const before = router.routed;
    router.endsReasoning = endsReasoning;
    try {
      const logger = this.#currentLogger();
      if (logger === undefined) {
        // No provider at all: nothing but the queues.
      } else if (router.redacts && !this.#isAttached) {
        if (!this.#emitRedacted(logger, record)) return undefined;
      } else {
        logger.emit(record);
      }
      this.#isAttached = router.routed !== before;
      if (!this.#isAttached) this.#routeDirectly(record, logger !== undefined);
    } catch (error) {
      // The provider, a processor or an attribute of the application's; the SDK lets that out of `emit()`.
      reporter.limited('emit', 'the logger provider, one of its processors or an attribute threw', error);
      if (router.routed === before) this.#routeDirectly(record, true);
    } finally {
      router.endsReasoning = false;
    }
  }

  /** Whether our processor, which redacts, is on this provider is not known: what goes there is redacted before. */
  #emitRedacted(logger: OtelLogger, record: EmittedLogRecord): boolean {
    const copy = directRecord(record);
    if (!this.#router.redactEarly(copy)) return false;
    const { exception: _, ...rest } = record;
    logger.emit({ ...rest, body: copy.body as string, attributes: { ...copy.attributes } });
    return true;
  }

  #routeDirectly(record: EmittedLogRecord, hasProvider: boolean): void {
    this.#router.route(directRecord(record), undefined);
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    reporter.warn(
      hasProvider
        ? "the logger provider does not lead to this instance's processor: chunks go to the queues only. Put `sessions.processor` into the provider's processors"
        : 'no logger provider is registered: chunks go to the queues only',
    );
  }

  #currentLogger(): OtelLogger | undefined {
    const provider = this.#provider();
    if (provider !== this.#loggerOf || this.#otelLogger === undefined) {
      this.#loggerOf = provider;
      this.#otelLogger = provider?.getLogger(SCOPE_NAME);
    }
    return this.#otelLogger;
  }
}

const OPTION_NAMES = new Set(['kind', 'logType', 'attributes', 'timestamp', 'streamId', 'exception']);

function applyOptions(record: EmittedLogRecord, sessionId: string, options: WriteOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`logChunkToQueue: expected an options object, got ${describeValue(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) throw new TypeError(`logChunkToQueue: unknown option \`${name}\``);
  }
  const { kind, logType, attributes, timestamp, streamId, exception } = options;
  if (kind !== undefined && !ENTRY_KINDS.includes(kind)) wrongOption('kind', 'an entry kind', kind);
  if (logType !== undefined && logType !== 'chat' && logType !== 'log')
    wrongOption('logType', "'chat' or 'log'", logType);
  if (streamId !== undefined && (typeof streamId !== 'string' || streamId === '')) {
    wrongOption('streamId', 'a string that is not empty', streamId);
  }
  const all: Record<string, unknown> = {
    ...(attributes === undefined ? undefined : spreadable(checkAttributes('logChunkToQueue', attributes))),
    [ATTRIBUTE.sessionId]: sessionId,
  };
  if (logType !== undefined) all[ATTRIBUTE.logType] = logType;
  if (streamId !== undefined) all[ATTRIBUTE.streamId] = streamId;
  record.attributes = all;
  if (timestamp !== undefined) record.timestamp = checkTimestamp(timestamp);
  if (exception !== undefined) record.exception = exception;
}

function checkAttributes(owner: string, attributes: unknown): Record<string, unknown> {
  if (typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)) {
    return attributes as Record<string, unknown>;
  }
  throw new TypeError(`${owner}: expected \`attributes\` to be an object, got ${describeValue(attributes)}`);
}

/** The attributes, or what can be read of them when a getter or trap throws. */
function spreadable(attributes: Record<string, unknown>): Record<string, unknown> {
  try {
    return { ...attributes };
  } catch {
    // The caller's attributes are at fault; the chunk is worth more than they are.
    return readableAttributes(attributes);
  }
}

function checkTimestamp(timestamp: unknown): number {
  const isTime = typeof timestamp === 'string' || typeof timestamp === 'number' || timestamp instanceof Date;
  const millis = isTime ? new Date(timestamp).getTime() : Number.NaN;
  if (!isTimestamp(millis)) wrongOption('timestamp', 'a time that can be parsed', timestamp);
  return millis;
}

function wrongOption(name: string, expected: string, value: unknown): never {
  throw new TypeError(`logChunkToQueue: expected \`${name}\` to be ${expected}, got ${describeValue(value)}`);
}
