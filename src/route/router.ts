import { context as contextApi, isSpanContextValid, trace } from '@opentelemetry/api';

import { wholeAttribute } from '../otel/attribute-limits.ts';
import { isExportable, toAttributeValue } from '../entry/body.ts';
import type { JsonValue } from '../entry/body.ts';
import { captureDetail, captureMessage, captureTimestamp } from '../entry/capture.ts';
import { entryDetail } from '../entry/entry-detail.ts';
import type { EntryDetail } from '../entry/entry-detail.ts';
import { entryFields } from '../entry/entry.ts';
import type { OwnFacts } from '../entry/entry.ts';
import { areEntryIdsRead, nextEntryOrder, noteRoutedRecord } from '../entry/routed-record.ts';
import type { DeliverySource } from '../entry/routed-record.ts';
import { isSessionId } from '../entry/session-id.ts';
import type { Context, LogRecord } from '../otel/log-record.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import { textRedactionOf } from '../redact/redacts-text.ts';
import type { TextRedaction } from '../redact/redacts-text.ts';
import type { SessionStore } from '../store/session-store.ts';
import { isError } from '../support/errors.ts';
import { LossCounters } from '../support/loss-counters.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { directRecord, toHrTime } from './direct-record.ts';
import { moveEntries } from './moved-entries.ts';
import type { MovedEntry } from './moved-entries.ts';
import { ownWriteOf } from './own-write.ts';
import type { OwnWrite } from './own-write.ts';
import {
  applyRedaction,
  blank,
  hasRoutingAttributesOnly,
  isAsEmitted,
  redactedAttributes,
  redactedEmission,
  settleBody,
} from './redaction.ts';
import type { Redact, RedactableEntry, Redacted } from './redaction.ts';
import { ScopeCounts } from './scope-counts.ts';
import { SessionResolver } from './session-resolver.ts';
import type { SessionResolution } from './session-resolver.ts';

const reporter = reporterFor('processor');

/**
 * Routes a record: finds its session, redacts it, sets `session.id` for later processors, and stores it. Used by the
 * processor, and by the facade if no provider leads to the processor.
 */
export class SessionRouter {
  /** Changes only in `reconfigure`. */
  store: SessionStore;
  readonly lost: LossCounters = new LossCounters();
  readonly scopes: ScopeCounts = new ScopeCounts();
  /** Number of records that came. */
  routed = 0;
  #resolver: SessionResolver;
  #redact: Redact | undefined;
  readonly #source: DeliverySource;

  constructor(store: SessionStore, redact: Redact | undefined, resolution: SessionResolution, source: DeliverySource) {
    this.store = store;
    this.#redact = redact;
    this.#resolver = this.#resolverFor(resolution);
    this.#source = source;
  }

  /**
   * Routes records in this way from now on. If the store changes, the old one's entries move, redacted, because they
   * may leave this process there.
   */
  reconfigure(store: SessionStore, redact: Redact | undefined, resolution: SessionResolution): void {
    const { store: previous } = this;
    this.#redact = redact;
    this.#resolver = this.#resolverFor(resolution);
    this.store = store;
    if (store === previous) return;
    moveEntries(previous, this.textRedaction, {
      take: (entry, isTextRedacted) => this.#storeMoved(entry, isTextRedacted),
      end: (id) => store.end(id),
      failed: (error) => {
        this.lost.add('internal_error');
        reporter.limited('move', 'what was logged before the start could not be moved into its store', error);
      },
    });
  }

  #resolverFor(resolution: SessionResolution): SessionResolver {
    return new SessionResolver(resolution, undefined, () => this.#countCut());
  }

  #storeMoved({ sessionId, message, timestamp, detail }: MovedEntry, isTextRedacted: boolean): void {
    if (this.#redact === undefined) return void this.store.append(sessionId, message, timestamp, detail);
    const record = directRecord({
      body: message,
      attributes: { ...detail?.attributes },
      timestamp: toHrTime(timestamp),
    });
    const redacted = this.#redacted(this.#redact, record, sessionId, detail, isTextRedacted);
    if (redacted === undefined) return;
    const text = detail === undefined || detail.kind === 'text' ? redacted.message : message;
    this.store.append(sessionId, text, timestamp, withAttributes(detail, redacted.attributes));
  }

  /** The redaction of texts that come in pieces; `undefined` if the redaction sees whole records only. */
  get textRedaction(): TextRedaction | undefined {
    return textRedactionOf(this.#redact);
  }

  /**
   * The session of a record that a writer of this instance is about to emit; `undefined` if the router has to find it.
   */
  sessionOf(record: EmittedLogRecord): unknown {
    const id = this.#resolver.resolveEarly(record.attributes ?? {});
    if (id !== undefined || this.#redact === undefined) return id;
    // The redaction runs before the emit and gets the session, however it is found.
    return this.#resolver.resolve(preview(record), contextApi.active());
  }

  /** Routes a record; never throws. `false` if the redaction dropped it and it must not be passed on. */
  route(record: LogRecord, context: Context | undefined): boolean {
    return this.#guarded(record, context, undefined);
  }

  /** Routes the record of a write that reached this router through no provider. */
  routeDirectly(own: OwnWrite): void {
    this.#guarded(directRecord(own.record), undefined, own);
  }

  /** Counts a record that came after shutdown. */
  refuse(record: LogRecord): void {
    this.#ownWriteOf(record);
    this.routed += 1;
    this.lost.add('after_shutdown');
  }

  /** The write that emitted this record; notes there that the record arrived. */
  #ownWriteOf(record: LogRecord): OwnWrite | undefined {
    const own = ownWriteOf(record);
    if (own !== undefined && own.owner === this) own.hasArrived = true;
    return own;
  }

  #guarded(record: LogRecord, context: Context | undefined, own: OwnWrite | undefined): boolean {
    this.routed += 1;
    try {
      return this.#route(record, context, own ?? this.#ownWriteOf(record));
    } catch (error) {
      // A getter of the application threw, or the store did: by OpenTelemetry's rules `emit()` must not throw.
      this.lost.add('internal_error');
      reporter.limited('route', 'a record could not be routed to its session', error);
      return this.#redact === undefined ? true : this.#withhold(record);
    }
  }

  /** Discards a record that could not be redacted. */
  #withhold(record: LogRecord): false {
    try {
      blank(record);
    } catch (error) {
      reporter.limited('withhold', 'a record that could not be redacted could not be emptied either', error);
    }
    return false;
  }

  #route(record: LogRecord, context: Context | undefined, own: OwnWrite | undefined): boolean {
    const candidate = ownSession(record, own) ?? this.#resolver.resolve(record, context);
    const sessionId = isSessionId(candidate) ? candidate : undefined;
    if (candidate !== undefined && sessionId === undefined) this.lost.add('invalid_session');
    if (own === undefined) this.scopes.count(record, sessionId !== undefined);
    let detail = captureDetail(record, own?.facts);
    let message: string | undefined;
    if (this.#redact !== undefined && !this.#isRedacted(record, own, sessionId)) {
      const redacted = this.#redacted(this.#redact, record, sessionId ?? '', detail);
      if (redacted === undefined) {
        blank(record);
        if (sessionId !== undefined) this.#stamp(record, sessionId);
        return false;
      }
      detail = withAttributes(detail, redacted.attributes);
      if (detail === undefined || detail.kind === 'text') message = redacted.message;
    }
    const { body } = record;
    if (typeof body === 'object' && body !== null) makeExportable(record, body);
    if (sessionId === undefined) return true;
    this.#stamp(record, sessionId);
    message ??= captureMessage(record.body, detail);
    const isRead = own?.facts.audience !== 'exporters';
    const isHeld = isRead && this.store.append(sessionId, message, captureTimestamp(record), detail);
    const entryId = isHeld && areEntryIdsRead() ? this.store.newestId?.(sessionId) : undefined;
    noteRoutedRecord(record, {
      sessionId,
      detail,
      entryId,
      order: entryId === undefined ? 0 : nextEntryOrder(),
      source: this.#source,
    });
    return true;
  }

  /** Whether the writer had the record redacted for this session, and no processor before this one has changed it. */
  #isRedacted(record: LogRecord, own: OwnWrite | undefined, sessionId: string | undefined): boolean {
    if (own === undefined || own.owner !== this || !isAsEmitted(record, own.record)) return false;
    return sessionId === undefined || sessionId === own.sessionId;
  }

  /**
   * Returns what a writer of this instance may emit of its record. It redacts before any provider gets the record,
   * because only afterwards is it known whether the provider has this processor.
   *
   * @param isTextRedacted Whether its text is a piece of one that was redacted as a whole.
   * @returns `undefined` if the redaction drops the record, which is then counted.
   */
  redactEarly(
    record: EmittedLogRecord,
    sessionId: unknown,
    facts: OwnFacts,
    isTextRedacted: boolean,
  ): EmittedLogRecord | undefined {
    if (this.#redact === undefined) return record;
    // Nearly every chunk: there is nothing else to redact.
    if (isTextRedacted && hasRoutingAttributesOnly(record)) return record;
    const copy = preview(record);
    const detail = captureDetail(copy, facts);
    const redacted = this.#redacted(
      this.#redact,
      copy,
      isSessionId(sessionId) ? sessionId : '',
      detail,
      isTextRedacted,
    );
    if (redacted !== undefined) return redactedEmission(record, copy, redacted);
    this.routed += 1;
    return undefined;
  }

  #redacted(
    redact: Redact,
    record: LogRecord,
    sessionId: string,
    detail: EntryDetail | undefined,
    isTextRedacted = false,
  ): Redacted | undefined {
    try {
      const message = settleBody(record);
      // A piece of a redacted text is not redacted again by itself, because the text around it is missing.
      const seen = isTextRedacted ? '' : message;
      const fields = entryFields(sessionId, seen, captureTimestamp(record), detail);
      const attributes: Readonly<Record<string, JsonValue>> = fields.attributes ?? {};
      const answer: unknown = redact({ ...fields, attributes: { ...attributes } });
      if (answer === undefined) {
        this.lost.add('redacted');
        return undefined;
      }
      const answered = readAnswer(answer, attributes);
      const after = isTextRedacted ? { ...answered, message } : answered;
      applyRedaction(record, { message, attributes }, after);
      return after;
    } catch (error) {
      this.lost.add('redaction_failed');
      // Without the error's own text, which may hold what was to be redacted.
      reporter.limited('redact', `redact threw (${nameOf(error)}); the record is dropped`);
      return undefined;
    }
  }

  /** Sets `session.id` for the processors after this one. Routing does not depend on it. */
  #stamp(record: LogRecord, sessionId: string): void {
    if (record.attributes[ATTRIBUTE.sessionId] === sessionId) return;
    record.setAttribute(ATTRIBUTE.sessionId, sessionId);
    if (record.attributes[ATTRIBUTE.sessionId] === sessionId) return;
    this.#countOnce(
      'unstamped',
      "records are exported without their full `session.id`: the SDK's limits for attributes (OTEL_ATTRIBUTE_COUNT_LIMIT, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, `logRecordLimits`) refuse it",
    );
  }

  #countCut(): void {
    this.#countOnce(
      'session_id_cut',
      "session ids of other loggers are as long as the SDK's limit for attribute values: they may be cut, so that several sessions become one. Raise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT or `logRecordLimits` above the ids' length, or use withSession",
    );
  }

  /** Counts each loss, and reports the first. */
  #countOnce(reason: 'unstamped' | 'session_id_cut', message: string): void {
    if (this.lost.get(reason) === 0) reporter.warn(message);
    this.lost.add(reason);
  }
}

/** Makes a body exportable that is an error, a `Map` or the like: exporters would write nothing of it. */
function makeExportable(record: LogRecord, body: object): void {
  if (!isExportable(body)) record.setBody(toAttributeValue(body));
}

/** The name of a thrown value; even reading it may throw. */
function nameOf(error: unknown): string {
  try {
    const name: unknown = isError(error) ? error.name : undefined;
    return typeof name === 'string' ? name : typeof error;
  } catch {
    // A getter of the application threw.
    return 'an error';
  }
}

/** The record that the SDK is about to make of this emission. */
function preview(record: EmittedLogRecord): LogRecord {
  const spanContext = trace.getSpanContext(contextApi.active());
  return directRecord(record, spanContext !== undefined && isSpanContextValid(spanContext) ? spanContext : undefined);
}

/** The session of a record of this package's writer, unless a processor before this one gave it another. */
function ownSession(record: LogRecord, own: OwnWrite | undefined): unknown {
  const known = own?.sessionId;
  return known === undefined
    ? undefined
    : (wholeAttribute(record, ATTRIBUTE.sessionId, record.attributes[ATTRIBUTE.sessionId], known) ?? known);
}

/**
 * Reads what counts of a redaction's result, once: its getters are the application's, and may return something else
 * each time.
 */
function readAnswer(answer: unknown, before: Readonly<Record<string, JsonValue>>): Redacted {
  // A promise is refused below; swallow its rejection, which may quote what was to be redacted.
  catchRejection(answer, () => {});
  const { message, attributes = {} } = answer as Partial<RedactableEntry>;
  if (typeof message !== 'string' || typeof attributes !== 'object' || attributes === null) {
    throw new TypeError('redact must return an entry or undefined, not a promise');
  }
  return { message, attributes: redactedAttributes(attributes, before) };
}

function withAttributes(
  detail: EntryDetail | undefined,
  attributes: Readonly<Record<string, JsonValue>>,
): EntryDetail | undefined {
  const isEmpty = Object.keys(attributes).length === 0;
  if (detail === undefined && isEmpty) return undefined;
  return { ...(detail ?? entryDetail({})), attributes: isEmpty ? undefined : attributes };
}
