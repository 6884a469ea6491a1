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
import { aboutOption, unknownOptions } from '../support/option-names.ts';
import { oneOf } from '../support/options.ts';

/** Options of a write. */
export interface WriteOptions {
  /** Kind of the entry. @default the kind of the token that the message equals, else `text` */
  readonly kind?: EntryKind | undefined;
  /** @default 'chat' */
  readonly logType?: LogType | undefined;
  /**
   * Attributes with any values, in the same form for session, exporters and files: values that OpenTelemetry has no
   * form for (`Error`, `Date`, `Map`, `bigint`, ...) become text, lists and fields, see `docs/write.md`.
   */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** Time of the entry, in any form that `Date` can parse. @default now */
  readonly timestamp?: string | number | Date | undefined;
  /** The answer of the session that the chunk belongs to, if several run at the same time. */
  readonly streamId?: string | undefined;
  /**
   * An error, which becomes `exception.type`, `exception.message` and `exception.stacktrace`, with causes and inner
   * errors in the stack trace. Attributes of these names take precedence. Each text is cut to 64 Ki characters.
   */
  readonly exception?: unknown;
  /**
   * `false`: only readers of the session get the entry, no provider, exporter, file, console or stream handler. Use it
   * for what a browser needs but a log does not, such as the frames of a protocol. Redaction still applies. @default
   * true
   */
  readonly export?: boolean | undefined;
  /**
   * `false`: no reader of the session gets the entry, only the provider, what is behind it, and a stream handler. Use
   * it for the clean text of an answer whose frames readers get. @default true
   */
  readonly read?: boolean | undefined;
}

const OPTION_NAMES = ['kind', 'logType', 'attributes', 'timestamp', 'streamId', 'exception', 'export', 'read'];
const LOGGER_OPTION_NAMES = ['exception'];

/**
 * Puts this package's attributes before the application's, because the SDK keeps only the first ones, up to its limit.
 * Copied one by one, since a spread after other fields costs microseconds.
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
 * @returns What the writer knows of the record.
 * @throws TypeError for a wrong option; then do not emit the record.
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

/** @throws TypeError if both options are false, or one of them is not a boolean. */
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

/** Checks the options of a leveled write, besides its attributes. @throws TypeError for a wrong option. */
export function checkLoggerOptions(owner: string, options: unknown): void {
  checkNames(owner, options, LOGGER_OPTION_NAMES);
}

function checkNames(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${owner}: expected an options object, got ${describeValue(options)}`);
  }
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownOptions(owner, [name], known);
}

/** Puts the attributes of an exception before the given ones, which take precedence. */
export function withException(
  attributes: Record<string, unknown> | undefined,
  exception: unknown,
): Record<string, unknown> | undefined {
  return exception === undefined || exception === null
    ? attributes
    : { ...exceptionAttributes(exception), ...attributes };
}

/**
 * Copies the attributes, each in a form that passes through any provider. If a getter or trap throws, copies those that
 * can be read.
 *
 * @throws TypeError if they are not an object.
 */
export function readAttributes(owner: string, attributes: unknown): Record<string, unknown> | undefined {
  if (attributes === undefined) return undefined;
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    wrongOption('attributes', 'an object', attributes, owner);
  }
  try {
    const copy: Record<string, unknown> = { ...attributes };
    // `Object.keys` would cost as much as the copy.
    for (const key in copy) {
      const value = copy[key];
      if (!isPlainValue(value) && Object.hasOwn(copy, key)) setField(copy, key, toAttributeValue(value));
    }
    return copy;
  } catch {
    // The caller's attributes are at fault; do not lose the chunk because of them.
    return readableAttributes(attributes);
  }
}

/**
 * Returns the SDK's own form of time, because the SDK takes a small number of milliseconds for time since the process
 * began.
 */
function checkTimestamp(timestamp: unknown): HrTime {
  const isTime = typeof timestamp === 'string' || typeof timestamp === 'number' || types.isDate(timestamp);
  const millis = isTime ? new Date(timestamp).getTime() : Number.NaN;
  if (!isTimestamp(millis)) wrongOption('timestamp', 'a time that Date can parse', timestamp);
  return toHrTime(millis);
}

function wrongOption(name: string, expected: string, value: unknown, owner = 'logChunkToQueue'): never {
  throw new TypeError(
    aboutOption(`${owner}: expected \`${name}\` to be ${expected}, got ${describeValue(value)}`, [name]),
  );
}
