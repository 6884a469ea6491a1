import { ATTRIBUTE, messageOf } from '../formats.ts';
import { logData } from '../model/log-data.ts';
import type { LogData } from '../model/log-data.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import { boundedText } from '../model/value.ts';
import type { Value } from '../model/value.ts';
import { hexId } from '../otlp/json.ts';
import { toAttributes } from './log-line.ts';
import type { ViewedEntry, ViewedSessions } from './viewed-sessions.ts';

/** How often the source checks which sessions ended, what was delivered and what was lost. */
const LOOK_MILLIS = 1_000;
/** Most sessions of a remote store that are followed at a time. */
const MAX_FOLLOWED = 1_000;
/** After this time without an entry, no chunk of a session is held back to be merged. */
const QUIET_MILLIS = 3_000;
/** Most sessions whose delivery one look asks for. Those that changed last come first. */
const MAX_ASKED = 50;

const EVENT_NAMES: Readonly<Record<string, string>> = {
  'stream-start': 'session_logs.stream_start',
  'stream-end': 'session_logs.stream_end',
  'reasoning-start': 'session_logs.reasoning_start',
  'reasoning-stop': 'session_logs.reasoning_stop',
  'tool-call-start': 'session_logs.tool_call_start',
  'tool-call-end': 'session_logs.tool_call_end',
  error: 'session_logs.error',
};

/** Shows the sessions of a `SessionLogs` of this process. */
export class ApplicationSource {
  readonly #model: SessionModel;
  readonly #sessions: ViewedSessions;
  readonly #source: SourceState;
  readonly #ending = new AbortController();
  readonly #followed = new Set<string>();
  /** For each session of a remote store: the entry to resume after, and whether the session has ended. */
  readonly #read = new Map<string, { lastId: string; hasEnded: boolean }>();
  /** Of all sessions together: the entry after which reading resumes. */
  #lastId = '';
  #isFollowing = false;
  #missed = 0;
  /** The version of each session when its delivery was last asked for. */
  readonly #asked = new Map<string, number>();
  #canAskDelivery = true;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;
  #isRemote = false;

  constructor(model: SessionModel, sessions: ViewedSessions) {
    this.#model = model;
    this.#sessions = sessions;
    this.#source = model.addSource('this application', 'application');
  }

  start(): void {
    this.#follow();
    this.#timer = setInterval(() => {
      try {
        this.#look();
      } catch (error) {
        // Thrown in a timer, it would end the application.
        this.#noteFailure(error);
      }
    }, LOOK_MILLIS).unref();
  }

  close(): void {
    this.#ending.abort();
    clearInterval(this.#timer);
  }

  /** Follows all sessions. When that fails, as with too many readers of the store, it is tried again at the next look. */
  #follow(): void {
    this.#isFollowing = true;
    void this.#followAll().finally(() => {
      this.#isFollowing = false;
    });
  }

  async #followAll(): Promise<void> {
    const { signal } = this.#ending;
    try {
      const entries = this.#sessions.followAll({
        from: this.#lastId === '' ? 'oldest' : { after: this.#lastId },
        signal,
        onGap: ({ missed }) => this.#noteGap(missed),
      });
      for await (const entry of entries) {
        this.#add(entry);
        this.#lastId = entry.id;
      }
    } catch (error) {
      if (signal.aborted) return;
      if ((error as { readonly code?: unknown }).code !== 'not_supported') return this.#noteFailure(error);
      this.#isRemote = true;
      this.#source.notes.set('remote', 'the store is shared: the viewer shows the sessions that this process knows of');
      this.#followKnown();
    }
  }

  /** Follows the sessions that this process knows of: a store that hosts share has no list of all sessions. */
  #followKnown(): void {
    const known = this.#sessions.allSessionsInQueue;
    const live = new Set(this.#sessions.allSessionsInQueues);
    for (const id of known) {
      // An ended session stays in the store, but must not be followed again until its next life begins.
      if (this.#followed.has(id) || (this.#read.get(id)?.hasEnded === true && !live.has(id))) continue;
      if (this.#followed.size >= MAX_FOLLOWED) {
        this.#source.notes.set(
          'bound',
          `there are more than ${MAX_FOLLOWED} sessions: the viewer does not show the others`,
        );
        return;
      }
      this.#followed.add(id);
      void this.#followOne(id);
    }
    if (this.#read.size <= 2 * known.length + MAX_FOLLOWED) return;
    const held = new Set(known);
    for (const id of this.#read.keys()) if (!held.has(id)) this.#read.delete(id);
  }

  async #followOne(id: string): Promise<void> {
    const { signal } = this.#ending;
    const read = this.#read.get(id) ?? { lastId: '', hasEnded: false };
    this.#read.set(id, read);
    read.hasEnded = false;
    const onGap = ({ missed }: { readonly missed: number }): void => {
      const session = this.#model.find(id);
      if (session === undefined) return this.#noteGap(missed);
      session.addGap(missed, 'evicted before the viewer reached them', this.#model.now());
    };
    const from = read.lastId === '' ? 'start' : { after: read.lastId };
    try {
      for await (const entry of this.#sessions.followSession(id, { from, signal, onGap })) {
        this.#add(entry);
        read.lastId = entry.id;
      }
      read.hasEnded = true;
      this.#model.find(id)?.end(this.#model.now());
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(error);
    } finally {
      this.#followed.delete(id);
    }
  }

  #add(entry: ViewedEntry): void {
    const data = dataOf(entry);
    const isPast = this.#model.now() - data.millis > 5_000;
    this.#model.add(data, { source: this.#source, entryId: entry.id, isPast });
    this.#source.notes.delete('failure');
  }

  #noteGap(missed: number): void {
    // Once a number is not known, neither is the sum.
    this.#missed = missed === -1 || this.#missed === -1 ? -1 : this.#missed + missed;
    const count = this.#missed === -1 ? 'an unknown number' : String(this.#missed);
    this.#source.notes.set('gap', `the store evicted entries before the viewer reached them: ${count}`);
  }

  #noteFailure(error: unknown): void {
    this.#source.notes.set('failure', `the sessions cannot be read: ${messageOf(error)}`);
  }

  #look(): void {
    if (this.#sessions.isShutDown)
      this.#source.notes.set('shut-down', 'the application has shut down its session logs');
    else if (!this.#isRemote && !this.#isFollowing) this.#follow();
    if (this.#isRemote) this.#followKnown();
    else this.#lookForEnds();
    const lost = Object.entries(this.#sessions.stats().lost).filter(([, count]) => count > 0);
    if (lost.length > 0) {
      const reasons = lost.map(([reason, count]) => `${reason} ${count}`).join(', ');
      this.#source.notes.set('lost', `the application lost records: ${reasons}`);
    }
    void this.#askDeliveries();
  }

  #lookForEnds(): void {
    const live = new Set(this.#sessions.allSessionsInQueues);
    const now = this.#model.now();
    // A session may begin and end again between two looks, so the viewer's own session knows whether its end is marked.
    for (const id of this.#sessions.allSessionsInQueue) if (!live.has(id)) this.#model.find(id)?.end(now);
  }

  /**
   * Asks what the collector has of the quiet sessions that changed since the last time. The question flushes the session: in the
   * middle of an answer, that would split the records that merge its chunks, and a viewer must not change what is exported.
   */
  async #askDeliveries(): Promise<void> {
    if (!this.#canAskDelivery || this.#isAsking) return;
    const now = this.#model.now();
    const changed = [...this.#model.sessions.values()].filter(
      ({ key, kind, version, activeMillis }) =>
        kind === 'session' && Math.abs(now - activeMillis) > QUIET_MILLIS && this.#asked.get(key) !== version,
    );
    this.#isAsking = true;
    for (const session of changed.toSorted((a, b) => b.version - a.version).slice(0, MAX_ASKED)) {
      try {
        const { deliveredId, pending } = await this.#sessions.flushSession(session.name, { timeoutMillis: 1 });
        const seq = deliveredId === undefined ? undefined : session.seqOfId(deliveredId);
        if (seq !== undefined) session.markDelivered(seq, this.#model.now());
        if (pending > 0) continue;
      } catch (error) {
        // No exporter of the application can tell.
        if ((error as { readonly code?: unknown }).code === 'no_durable_exporter') this.#canAskDelivery = false;
        else this.#source.notes.set('delivery', `it is not known what the collector has: ${messageOf(error)}`);
        break;
      }
      this.#source.notes.delete('delivery');
      this.#asked.set(session.key, session.version);
    }
    for (const key of this.#asked.keys()) if (!this.#model.sessions.has(key)) this.#asked.delete(key);
    this.#isAsking = false;
  }
}

function dataOf(entry: ViewedEntry): LogData {
  // First: the caller's attributes must not replace those below, and may be as many as the bound allows.
  const attributes: Record<string, Value> = toAttributes(entry.attributes ?? {});
  attributes[ATTRIBUTE.sessionId] = entry.sessionId;
  attributes[ATTRIBUTE.logType] = entry.logType;
  if (entry.streamId !== undefined) attributes[ATTRIBUTE.streamId] = entry.streamId;
  return logData({
    millis: Date.parse(entry.timestamp),
    severityNumber: entry.severityNumber ?? 0,
    severityText: entry.severityText ?? '',
    eventName: EVENT_NAMES[entry.kind] ?? entry.eventName ?? '',
    body: boundedText(entry.message),
    attributes,
    traceId: hexId(entry.traceId, 32),
    spanId: hexId(entry.spanId, 16),
  });
}
