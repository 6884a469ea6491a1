import type { JsonValue } from './body.ts';
import { bodyToText } from './body.ts';
import { catchRejection, LossCounters, reporterFor } from './diagnostics.ts';
import { emission } from './emission.ts';
import type { DeliverySource } from './emission.ts';
import { captureDetail, captureMessage, captureTimestamp, entryDetail, entryFields, isSessionId } from './entry.ts';
import type { EntryDetail } from './entry.ts';
import { ATTRIBUTE } from './otel.ts';
import type { Context, LogRecord } from './otel.ts';
import { applyRedaction, blank } from './redaction.ts';
import type { Redact, RedactableEntry } from './redaction.ts';
import { SessionResolver } from './session.ts';
import type { SessionResolution } from './session.ts';
import type { SessionStore } from './store/session-store.ts';

const reporter = reporterFor('processor');

/**
 * The way of one record: which session, redaction, the stamp for those after us, the store. Used by the processor, and
 * by the facade where no provider leads to the processor.
 */
export class SessionRouter {
  readonly store: SessionStore;
  readonly lost: LossCounters = new LossCounters();
  /** Records that came by: the facade sees from it whether its emit led here. */
  routed = 0;
  /** Set by the facade during its synchronous emit: the chunk had no kind and its text ends the reasoning. */
  endsReasoning = false;
  readonly #resolver: SessionResolver;
  readonly #redact: Redact | undefined;
  readonly #source: DeliverySource;
  readonly #newestId: () => string | undefined;

  constructor(store: SessionStore, redact: Redact | undefined, resolution: SessionResolution, source: DeliverySource) {
    this.store = store;
    this.#redact = redact;
    this.#resolver = new SessionResolver(resolution);
    this.#source = source;
    this.#newestId = () => store.newestId?.(emission.sessionId);
  }

  get redacts(): boolean {
    return this.#redact !== undefined;
  }

  /**
   * Routes a record; never throws. `false`: the redaction dropped it, it must not be passed on.
   */
  route(record: LogRecord, context: Context | undefined): boolean {
    this.routed += 1;
    try {
      return this.#route(record, context);
    } catch (error) {
      // A getter of the application's, or the store: the rule of OTel is that nothing comes out of `emit()`.
      this.lost.add('internal_error');
      reporter.limited('route', 'a record could not be routed to its session', error);
      return this.#redact === undefined ? true : this.#withhold(record);
    }
  }

  /** What could not be redacted goes nowhere. */
  #withhold(record: LogRecord): false {
    try {
      blank(record);
    } catch (error) {
      reporter.limited('withhold', 'a record that could not be redacted could not be emptied either', error);
    }
    return false;
  }

  #route(record: LogRecord, context: Context | undefined): boolean {
    const candidate = this.#resolver.resolve(record, context);
    const sessionId = isSessionId(candidate) ? candidate : undefined;
    if (candidate !== undefined && sessionId === undefined) this.lost.add('invalid_session');
    let detail = captureDetail(record, this.endsReasoning);
    let message: string | undefined;
    if (this.#redact !== undefined) {
      const redacted = this.#redacted(this.#redact, record, sessionId ?? '', detail);
      if (redacted === undefined) {
        blank(record);
        if (sessionId !== undefined) stamp(record, sessionId);
        return false;
      }
      detail = withAttributes(detail, redacted.attributes);
      if (detail === undefined || detail.kind === 'text') message = redacted.message;
    }
    if (sessionId === undefined) return true;
    stamp(record, sessionId);
    message ??= captureMessage(record.body, detail);
    if (this.store.append(sessionId, message, captureTimestamp(record), detail)) {
      emission.record = record;
      emission.sessionId = sessionId;
      emission.entryId = this.#newestId;
      emission.source = this.#source;
    }
    return true;
  }

  /** Redacts a record that is about to be emitted where our processor may not be; `false`: drop it. */
  redactEarly(record: LogRecord): boolean {
    if (this.#redact === undefined) return true;
    const candidate = this.#resolver.resolve(record, undefined);
    const sessionId = isSessionId(candidate) ? candidate : '';
    if (this.#redacted(this.#redact, record, sessionId, captureDetail(record, false)) !== undefined) return true;
    this.routed += 1;
    return false;
  }

  #redacted(
    redact: Redact,
    record: LogRecord,
    sessionId: string,
    detail: EntryDetail | undefined,
  ): RedactableEntry | undefined {
    try {
      const message = bodyToText(record.body);
      const fields = entryFields(sessionId, message, captureTimestamp(record), detail);
      const attributes: Readonly<Record<string, JsonValue>> = fields.attributes ?? {};
      const answer: unknown = redact({ ...fields, attributes: { ...attributes } });
      if (answer === undefined) {
        this.lost.add('redacted');
        return undefined;
      }
      const after = checkAnswer(answer);
      applyRedaction(record, { message, attributes }, after);
      return after;
    } catch (error) {
      this.lost.add('redaction_failed');
      // Without the cause's own words: they may hold what was to be redacted.
      reporter.limited(
        'redact',
        `redact failed (${error instanceof Error ? error.name : typeof error}); the record is dropped`,
      );
      return undefined;
    }
  }
}

function checkAnswer(answer: unknown): RedactableEntry {
  // Refused below whatever becomes of it; its error may quote what was to be redacted.
  catchRejection(answer, () => {});
  const { message, attributes } = answer as Partial<RedactableEntry>;
  const hasAttributes = attributes === undefined || (typeof attributes === 'object' && attributes !== null);
  if (typeof message !== 'string' || !hasAttributes) {
    throw new TypeError('redact must return an entry, synchronously, or undefined');
  }
  return answer as RedactableEntry;
}

function withAttributes(
  detail: EntryDetail | undefined,
  attributes: Record<string, JsonValue> | undefined,
): EntryDetail | undefined {
  const isEmpty = attributes === undefined || Object.keys(attributes).length === 0;
  if (detail === undefined && isEmpty) return undefined;
  return { ...(detail ?? entryDetail({})), attributes: isEmpty ? undefined : attributes };
}

/** For the processors after ours. With 128 attributes on the record the SDK drops it; the routing does not depend on it. */
function stamp(record: LogRecord, sessionId: string): void {
  if (record.attributes[ATTRIBUTE.sessionId] !== sessionId) record.setAttribute(ATTRIBUTE.sessionId, sessionId);
}
