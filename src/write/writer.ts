import { toJsonValue } from '../entry/body.ts';
import { LEVELED_LOG, PLAIN_CHUNK } from '../entry/entry.ts';
import type { OwnFacts } from '../entry/entry.ts';
import { isSessionId, requireSessionId } from '../entry/session-id.ts';
import { controlKindOf, eventNameOf, isControlKind, REASONING_STOP_TOKEN, tokenOf } from '../entry/tokens.ts';
import type { EmittedLogRecord, OtelLogger, OtelLoggerProvider } from '../otel/logs-api.ts';
import { ATTRIBUTE, SEVERITY } from '../otel/names.ts';
import { emitOwnWrite, SCOPE_NAME } from '../route/own-write.ts';
import type { OwnWrite } from '../route/own-write.ts';
import type { SessionRouter } from '../route/router.ts';
import { describeValue } from '../support/errors.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { RedactedTexts } from './redacted-texts.ts';
import type { Echo } from './stream-handler.ts';
import { applyOptions, checkLoggerOptions, oursFirst, readAttributes, withException } from './write-options.ts';
import type { WriteOptions } from './write-options.ts';

/** Writes leveled logs (`logType: 'log'`) into the session of the running code, or into none. */
export interface SessionLogger {
  trace: LeveledWrite;
  debug: LeveledWrite;
  info: LeveledWrite;
  warn: LeveledWrite;
  error: LeveledWrite;
  fatal: LeveledWrite;
}

/** Logs a message with attributes; an `exception` becomes the attributes that OpenTelemetry defines for exceptions. */
export type LeveledWrite = (
  message: string,
  attributes?: Readonly<Record<string, unknown>>,
  options?: { readonly exception?: unknown },
) => void;

/**
 * Writes chunks and leveled logs through the provider, so that its processors and exporters get them too; if the
 * provider does not lead to this instance's processor, straight into the sessions.
 */
export class SessionWriter {
  readonly #router: SessionRouter;
  #provider: () => OtelLoggerProvider | undefined;
  #echo: Echo | undefined;
  #texts: RedactedTexts | undefined;
  readonly logger: SessionLogger;
  #loggerOf: OtelLoggerProvider | undefined = undefined;
  #otelLogger: OtelLogger | undefined = undefined;
  /** Whether the last record went into the sessions only. */
  #isDetached = false;
  readonly #reporter = reporterFor('writer');
  /** Answers that were stopped but have not ended: their end is written before the writer closes. */
  readonly beforeClose: Set<() => void> = new Set<() => void>();
  #isClosed = false;

  constructor(router: SessionRouter, provider: () => OtelLoggerProvider | undefined, echo: Echo | undefined) {
    this.#router = router;
    this.#provider = provider;
    this.#echo = echo;
    this.#texts = this.#redactedTexts();
    this.logger = {
      trace: this.#leveled('TRACE', SEVERITY.trace),
      debug: this.#leveled('DEBUG', SEVERITY.debug),
      info: this.#leveled('INFO', SEVERITY.info),
      warn: this.#leveled('WARN', SEVERITY.warn),
      error: this.#leveled('ERROR', SEVERITY.error),
      fatal: this.#leveled('FATAL', SEVERITY.fatal),
    };
  }

  /** Makes writes go to this provider from now on, redacted as the router now says. */
  reconfigure(provider: () => OtelLoggerProvider | undefined, echo: Echo | undefined): void {
    this.#texts?.close();
    this.#echo?.close();
    this.#provider = provider;
    this.#echo = echo;
    this.#texts = this.#redactedTexts();
  }

  #redactedTexts(): RedactedTexts | undefined {
    const { textRedaction } = this.#router;
    return (
      textRedaction &&
      new RedactedTexts(textRedaction, (record, sessionId, facts) => this.#emitChunk(record, sessionId, facts, true))
    );
  }

  /** The provider to which records are emitted now. */
  get provider(): OtelLoggerProvider | undefined {
    return this.#provider();
  }

  /**
   * Writes one chunk. With an embedded store it is readable before the call returns.
   *
   * @throws TypeError, with nothing stored, if the message is not a string, the session id is not a string of 1 to 256
   * characters, or an option is wrong.
   */
  write(message: string, sessionId: string, options?: WriteOptions, isFailure = false): void {
    if (typeof message !== 'string') {
      throw new TypeError(`logChunkToQueue: expected the message to be a string, got ${describeValue(message)}`);
    }
    requireSessionId('logChunkToQueue', sessionId);
    const record: EmittedLogRecord = { body: message, attributes: { [ATTRIBUTE.sessionId]: sessionId } };
    const kind = options?.kind ?? controlKindOf(message) ?? 'text';
    const endsReasoning = options?.kind === undefined && kind === 'text' && message.endsWith(REASONING_STOP_TOKEN);
    let facts = PLAIN_CHUNK;
    if (kind !== 'text' || endsReasoning) facts = { ...PLAIN_CHUNK, kind, endsReasoning };
    if (options !== undefined) facts = applyOptions(record, facts, sessionId, options);
    if (kind !== 'text') {
      record.eventName = eventNameOf(kind) as string;
      if (isControlKind(kind)) record.body = tokenOf(kind) as string;
    }
    if (isFailure) asFailure(record, sessionId, facts);
    // A log without a stream id is not a piece of a text.
    const isPiece = facts.logType === 'chat' || facts.streamId !== undefined;
    if (this.#texts === undefined || !isPiece || this.#isClosed) {
      return this.#emitChunk(record, sessionId, facts, false);
    }
    if (kind !== 'text') {
      this.#texts.divide(sessionId, facts);
      return this.#emitChunk(record, sessionId, facts, false);
    }
    const redacted = this.#texts.redacted(record, sessionId, facts);
    if (redacted !== undefined) this.#emitChunk(redacted, sessionId, facts, true);
  }

  #emitChunk(record: EmittedLogRecord, sessionId: string, facts: OwnFacts, isTextRedacted: boolean): void {
    const emitted = this.#emit(record, sessionId, facts, isTextRedacted);
    if (emitted === undefined || facts.audience === 'readers') return;
    // A handler gets only text: it could not tell an error from the model's words.
    if (facts.kind !== 'error') this.#echo?.write(emitted.body as string, sessionId);
  }

  /** Emits what a redaction holds back of the session, since nothing will complete it. */
  endSession(sessionId: string): void {
    this.#texts?.endSession(sessionId);
  }

  /** How many pieces of text for exporters a redaction holds back of the session. */
  heldIn(sessionId: string): number {
    return this.#texts?.heldIn(sessionId) ?? 0;
  }

  /** Drops what a redaction holds back of the session. */
  forgetSession(sessionId: string): void {
    this.#texts?.forgetSession(sessionId);
  }

  #leveled(severityText: string, severityNumber: number): LeveledWrite {
    const name = severityText.toLowerCase();
    return (message, attributes, options) => {
      if (typeof message !== 'string') {
        throw new TypeError(`logger.${name}: expected the message to be a string, got ${describeValue(message)}`);
      }
      const record: EmittedLogRecord = { body: message, severityNumber, severityText };
      if (options !== undefined) checkLoggerOptions(`logger.${name}`, options);
      const given = withException(readAttributes(`logger.${name}`, attributes), options?.exception) ?? {};
      record.attributes = given;
      const sessionId = this.#router.sessionOf(record);
      if (isSessionId(sessionId)) record.attributes = oursFirst({ [ATTRIBUTE.sessionId]: sessionId }, given);
      this.#emit(record, sessionId, LEVELED_LOG);
    };
  }

  /** Closes the writer: later writes are counted and ignored. */
  close(): void {
    for (const end of this.beforeClose) end();
    this.#texts?.close();
    this.#isClosed = true;
    this.#echo?.close();
  }

  /** @returns What was emitted; `undefined` if the redaction dropped it. */
  #emit(
    record: EmittedLogRecord,
    sessionId: unknown,
    facts: OwnFacts,
    isTextRedacted = false,
  ): EmittedLogRecord | undefined {
    const router = this.#router;
    if (this.#isClosed) {
      router.lost.add('after_shutdown');
      return record;
    }
    const emitted = router.redactEarly(record, sessionId, facts, isTextRedacted);
    if (emitted === undefined) return undefined;
    const write = this.#ownWrite(emitted, sessionId, emitted === record ? facts : redactedFacts(facts, emitted));
    if (facts.audience === 'readers') {
      router.routeDirectly(write);
      return emitted;
    }
    let logger: OtelLogger | undefined;
    try {
      logger = this.#currentLogger();
      if (logger !== undefined) emitOwnWrite(write, logger);
    } catch (error) {
      // The provider, a processor or an attribute of the application threw; the SDK lets that out of `emit()`.
      this.#reporter.limited('emit', 'the logger provider, one of its processors or an attribute threw', error);
      if (!write.hasArrived) router.routeDirectly(write);
      return emitted;
    }
    if (!write.hasArrived) {
      router.routeDirectly(write);
      if (!this.#isDetached) this.#warnDetached(logger, write);
    }
    this.#isDetached = !write.hasArrived;
    return emitted;
  }

  #ownWrite(record: EmittedLogRecord, sessionId: unknown, facts: OwnFacts): OwnWrite {
    return { owner: this.#router, record, sessionId, facts, hasArrived: false };
  }

  #warnDetached(logger: OtelLogger | undefined, { record, facts }: OwnWrite): void {
    const [topic, reason] = detachment(logger, record);
    const lot = facts.audience === 'exporters' ? 'with `read: false` may be lost' : 'reach readers only';
    this.#reporter.limited(topic, `${reason}: chunks ${lot}`);
  }

  #currentLogger(): OtelLogger | undefined {
    const provider = this.#provider();
    if (provider !== this.#loggerOf) {
      // A provider that comes later would be too late for what is written now.
      if (catchRejection(provider, () => {}))
        throw new TypeError('`loggerProvider` returned a promise: it must return the provider itself');
    }
    if (provider !== this.#loggerOf || this.#otelLogger === undefined) {
      this.#otelLogger = provider?.getLogger(SCOPE_NAME);
      this.#loggerOf = provider;
    }
    return this.#otelLogger;
  }
}

/**
 * Sets the log type too, so that the entry stays what it is to readers, even if the record is read again by its
 * attributes: with a severity alone it would be a log.
 */
function asFailure(record: EmittedLogRecord, sessionId: string, { logType }: OwnFacts): void {
  record.severityNumber = SEVERITY.error;
  record.severityText = 'ERROR';
  const ours = { [ATTRIBUTE.sessionId]: sessionId, [ATTRIBUTE.logType]: logType };
  record.attributes = oursFirst(ours, record.attributes ?? {});
}

/** Why a record did not reach this instance's processor. */
function detachment(
  logger: OtelLogger | undefined,
  record: EmittedLogRecord,
): readonly [topic: string, reason: string] {
  if (logger === undefined) return ['detached', 'no logger provider is registered'];
  if (logger.enabled?.(record) === false) {
    return [
      'filtered',
      "a rule of the logger provider (`loggerConfigurator`), or its shutdown, stops this instance's records",
    ];
  }
  return [
    'detached',
    "the logger provider does not have this instance's processor (put `sessions.processor` into its processors)",
  ];
}

/** The facts with the finish reasons that a redaction left. */
function redactedFacts(facts: OwnFacts, { attributes }: EmittedLogRecord): OwnFacts {
  if (facts.finishReasons === undefined) return facts;
  const reasons = attributes?.[ATTRIBUTE.finishReasons];
  return { ...facts, finishReasons: reasons === undefined ? undefined : toJsonValue(reasons) };
}
