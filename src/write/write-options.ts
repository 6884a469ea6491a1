import { types } from 'node:util';

import { isPlainValue, readableAttributes, setField, toAttributeValue, toJsonValue } from '../entry/body.ts';
import type { LogType } from '../entry/entry-detail.ts';
import type { Audience, OwnFacts } from '../entry/entry.ts';
import { exceptionAttributes } from '../entry/exception.ts';
import { isTimestamp } from '../entry/timestamp.ts';
import { ENTRY_KINDS } from '../entry/tokens.ts';
import type { EntryKind } from '../entry/tokens.ts';
import type { HrTime } from '../otel/log-record.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import { toHrTime } from '../route/direct-record.ts';
import { describeValue } from '../support/errors.ts';
import { unknownOptions } from '../support/option-names.ts';
import { oneOf } from '../support/options.ts';

/** What may be said about a chunk. */
export interface WriteOptions {
  /** Without one, a message that equals a token gets the token's kind, any other is text. */
  readonly kind?: EntryKind | undefined;
  /** @default 'chat' */
  readonly logType?: LogType | undefined;
  /**
   * Any values, in one form for session, exporters and files: what OpenTelemetry has no form for (`Error`, `Date`, `Map`,
   * `bigint`, ...) becomes text, lists and fields, see `docs/write.md`.
   */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** Any time that `Date` can parse. @default now */
  readonly timestamp?: string | number | Date | undefined;
  /** Which answer of the session the chunk belongs to, when several run side by side. */
  readonly streamId?: string | undefined;
  /**
   * What went wrong: becomes `exception.type`, `exception.message` and `exception.stacktrace`, with its causes and inner
   * errors in the stack trace. Attributes of these names win. Each text has at most 64 Ki characters.
   */
  readonly exception?: unknown;
  /**
   * `false`: it is for readers of the session alone, and reaches no provider, exporter, file, console or stream handler. So it
   * is for what a browser needs and a log does not, as the frames of a protocol. A redaction sees it all the same. @default true
   */
  readonly export?: boolean | undefined;
  /**
   * `false`: no reader of the session gets it, only the provider with what is behind it, and a stream handler. So it is for the
   * clean text of an answer whose frames readers have. @default true
   */
  readonly read?: boolean | undefined;
}

const OPTION_NAMES = ['kind', 'logType', 'attributes', 'timestamp', 'streamId', 'exception', 'export', 'read'];
const LOGGER_OPTION_NAMES = ['exception'];

/**
 * Our attributes and then the application's: the SDK keeps as many as its limit says, from the first on. One by one, since
 * a spread after other fields costs microseconds.
 */
export function oursFirst(
  own: Record<string, unknown>,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const key of Object.keys(given)) if (!Object.hasOwn(own, key)) setField(own, key, given[key]);
  return own;
}

/**
 * Puts the options into the record.
 *
 * @returns What the writer knows of it.
 * @throws TypeError for a wrong option; the record is not to be emitted then.
 */
export function applyOptions(
  record: EmittedLogRecord,
  facts: OwnFacts,
  sessionId: string,
  options: WriteOptions,
): OwnFacts {
  checkOptions(options);
  const { attributes, timestamp, exception } = options;
  const given = withException(readAttributes('logChunkToQueue', attributes), exception);
  const logType = options.logType ?? logTypeIn(given);
  const streamId = options.streamId ?? streamIdIn(given);
  const finishReasons = given?.[ATTRIBUTE.finishReasons];
  const own: Record<string, unknown> = { [ATTRIBUTE.sessionId]: sessionId };
  if (logType !== undefined) own[ATTRIBUTE.logType] = logType;
  if (streamId !== undefined) own[ATTRIBUTE.streamId] = streamId;
  if (finishReasons !== undefined) own[ATTRIBUTE.finishReasons] = finishReasons;
  record.attributes = given === undefined ? own : oursFirst(own, given);
  if (timestamp !== undefined) record.timestamp = checkTimestamp(timestamp);
  const audience = audienceOf('logChunkToQueue', options);
  if (logType === undefined && streamId === undefined && finishReasons === undefined && audience === 'all')
    return facts;
  return {
    kind: facts.kind,
    endsReasoning: facts.endsReasoning,
    logType: logType ?? facts.logType,
    streamId,
    finishReasons: finishReasons === undefined ? undefined : toJsonValue(finishReasons),
    audience,
  };
}

/** @throws TypeError when nobody is left, or one of the options is no boolean. */
export function audienceOf(
  owner: string,
  options: { readonly export?: boolean | undefined; readonly read?: boolean | undefined },
): Audience {
  const { export: isExported = true, read: isRead = true }: { export?: unknown; read?: unknown } = options;
  if (isExported === true && isRead === true) return 'all';
  for (const [name, value] of Object.entries({ export: isExported, read: isRead })) {
    if (typeof value !== 'boolean') wrongOption(name, 'a boolean', value, owner);
  }
  if (isExported === true) return 'exporters';
  if (isRead === true) return 'readers';
  throw new TypeError(`${owner}: expected \`export\` or \`read\` to be true, got false for both: nobody would get it`);
}

function logTypeIn(attributes: Readonly<Record<string, unknown>> | undefined): LogType | undefined {
  const logType = attributes?.[ATTRIBUTE.logType];
  return logType === 'chat' || logType === 'log' ? logType : undefined;
}

function streamIdIn(attributes: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const streamId = attributes?.[ATTRIBUTE.streamId];
  return typeof streamId === 'string' ? streamId : undefined;
}

function checkOptions(options: WriteOptions): void {
  checkNames('logChunkToQueue', options, OPTION_NAMES);
  const { kind, logType, streamId } = options;
  if (kind !== undefined && !ENTRY_KINDS.includes(kind)) wrongOption('kind', oneOf(ENTRY_KINDS), kind);
  if (logType !== undefined && logType !== 'chat' && logType !== 'log')
    wrongOption('logType', "'chat' or 'log'", logType);
  if (streamId !== undefined && (typeof streamId !== 'string' || streamId === '')) {
    wrongOption('streamId', 'a string that is not empty', streamId);
  }
}

/** Checks what a leveled write was given beside its attributes. @throws TypeError for a wrong option. */
export function checkLoggerOptions(owner: string, options: unknown): void {
  checkNames(owner, options, LOGGER_OPTION_NAMES);
}

function checkNames(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${owner}: expected an options object, got ${describeValue(options)}`);
  }
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownOptions(owner, [name], known);
}

/** The attributes with those of an exception before them; the attributes win. */
export function withException(
  attributes: Record<string, unknown> | undefined,
  exception: unknown,
): Record<string, unknown> | undefined {
  return exception === undefined || exception === null
    ? attributes
    : { ...exceptionAttributes(exception), ...attributes };
}

/**
 * A copy of the attributes, each in the form in which it passes through any provider, or of what can be read of them when
 * a getter or trap throws.
 *
 * @throws TypeError when they are no object.
 */
export function readAttributes(owner: string, attributes: unknown): Record<string, unknown> | undefined {
  if (attributes === undefined) return undefined;
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw new TypeError(`${owner}: expected \`attributes\` to be an object, got ${describeValue(attributes)}`);
  }
  try {
    const copy: Record<string, unknown> = { ...attributes };
    // Not over `Object.keys`, which costs as much as the copy.
    for (const key in copy) {
      const value = copy[key];
      if (!isPlainValue(value) && Object.hasOwn(copy, key)) setField(copy, key, toAttributeValue(value));
    }
    return copy;
  } catch {
    // The caller's attributes are at fault; the chunk is worth more than they are.
    return readableAttributes(attributes);
  }
}

/** As the SDK's own time: it takes a number of milliseconds long ago for one since the process began. */
function checkTimestamp(timestamp: unknown): HrTime {
  const isTime = typeof timestamp === 'string' || typeof timestamp === 'number' || types.isDate(timestamp);
  const millis = isTime ? new Date(timestamp).getTime() : Number.NaN;
  if (!isTimestamp(millis)) wrongOption('timestamp', 'a time that can be parsed', timestamp);
  return toHrTime(millis);
}

function wrongOption(name: string, expected: string, value: unknown, owner = 'logChunkToQueue'): never {
  throw new TypeError(`${owner}: expected \`${name}\` to be ${expected}, got ${describeValue(value)}`);
}
