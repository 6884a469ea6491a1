import { PLAIN_CHUNK } from '../entry/entry.ts';
import type { OwnFacts } from '../entry/entry.ts';
import type { EntryKind } from '../entry/tokens.ts';
import { EndOfTickWrite } from '../support/end-of-tick-write.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import type { TextRedaction, TextRedactor } from '../redact/redacts-text.ts';
import { ownText } from '../support/own-text.ts';
import { ownValue } from '../support/own-value.ts';
import { startTimer } from '../support/timers.ts';

/** Texts at a time. Beyond it those of the session that began first end. */
const MAX_TEXTS = 10_000;

/** A text under way: that of an answer, or of what a session logs outside of any. */
interface RunningText {
  readonly redactor: TextRedactor;
  readonly streamId: string | undefined;
  /** A `stream-start` was seen: it ends with its `stream-end`, never by time. */
  isAnswer: boolean;
  /** Of the last piece, on the monotonic clock. */
  lastMillis: number;
  /** The last chunk of which all text is held back, with the attributes of those before it. */
  waiting: EmittedLogRecord | undefined;
  finishReasons: OwnFacts['finishReasons'];
  /** A piece is being redacted. */
  isBusy: boolean;
}

/**
 * The chunks of sessions as the texts that they are pieces of, redacted. What could still become a match is held back, and goes
 * out with the next chunk, or before the next mark.
 */
export class RedactedTexts {
  readonly #redaction: TextRedaction;
  readonly #emit: (record: EmittedLogRecord, sessionId: string, facts: OwnFacts) => void;
  readonly #exit: EndOfTickWrite;
  /** By session and then by stream id, in the order in which the sessions began. */
  readonly #texts = new Map<string, Map<string | undefined, RunningText>>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param emit Emits a chunk of which the text is redacted. */
  constructor(redaction: TextRedaction, emit: (record: EmittedLogRecord, sessionId: string, facts: OwnFacts) => void) {
    this.#redaction = redaction;
    this.#emit = emit;
    this.#exit = new EndOfTickWrite(() => this.#endAll());
  }

  /** @returns The record to emit in the place of this one; `undefined`: all of its text is held back. */
  redacted(record: EmittedLogRecord, sessionId: string, facts: OwnFacts): EmittedLogRecord | undefined {
    const running = this.#runningText(sessionId, facts.streamId);
    // A replacement that logs: what it logs is no part of the text that it is asked about.
    if (running.isBusy) return { ...record, body: redactedAlone(record.body as string, this.#redaction.open()) };
    const body = this.#pushed(running, record.body as string, facts.endsReasoning);
    const own = record.attributes ?? {};
    const attributes = running.waiting === undefined ? own : { ...running.waiting.attributes, ...own };
    const isHeld = body === '' && record.body !== '';
    running.waiting = isHeld
      ? { ...record, body: '', attributes: ownValue(attributes) as typeof attributes }
      : undefined;
    running.finishReasons = isHeld ? (facts.finishReasons ?? running.finishReasons) : undefined;
    return isHeld ? undefined : { ...record, body, attributes };
  }

  #pushed(running: RunningText, piece: string, isLast: boolean): string {
    running.isBusy = true;
    try {
      const body = running.redactor.push(piece);
      // It ends what a `pop` reads, which must not lack its last word.
      return isLast ? body + running.redactor.end() : body;
    } finally {
      running.isBusy = false;
    }
  }

  /** An entry that is no text is about to be emitted: what was held back goes out before it. */
  divide(kind: EntryKind, sessionId: string, streamId: string | undefined): void {
    const known = this.#texts.get(sessionId)?.get(streamId);
    if (known !== undefined && kind === 'stream-end') this.#remove(known, sessionId);
    if (known !== undefined) this.#release(known, sessionId);
    if (kind === 'stream-start') this.#runningText(sessionId, streamId).isAnswer = true;
  }

  /** All texts of the session end. */
  endSession(sessionId: string): void {
    const ended = this.#texts.get(sessionId)?.values() ?? [];
    // Before they go out: a processor that logs while it gets them begins another text.
    this.forgetSession(sessionId);
    for (const running of ended) this.#release(running, sessionId);
  }

  /** What is held back of the session goes nowhere: it is deleted. */
  forgetSession(sessionId: string): void {
    this.#count -= this.#texts.get(sessionId)?.size ?? 0;
    this.#texts.delete(sessionId);
  }

  /** All texts end. */
  close(): void {
    this.#exit.close();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #endAll(): void {
    // Those of now: a processor that logs while it gets one may begin others.
    const ids = [...this.#texts.keys()];
    for (const sessionId of ids) this.endSession(sessionId);
  }

  #runningText(sessionId: string, streamId: string | undefined): RunningText {
    const now = performance.now();
    const known = this.#texts.get(sessionId)?.get(streamId);
    if (known !== undefined) {
      known.lastMillis = now;
      return known;
    }
    if (this.#count >= MAX_TEXTS) this.endSession(this.#texts.keys().next().value as string);
    const begun: RunningText = {
      redactor: this.#redaction.open(),
      streamId: streamId === undefined ? undefined : ownText(streamId),
      isAnswer: false,
      lastMillis: now,
      waiting: undefined,
      finishReasons: undefined,
      isBusy: false,
    };
    const texts = this.#texts.get(sessionId) ?? new Map<string | undefined, RunningText>();
    if (texts.size === 0) this.#texts.set(ownText(sessionId), texts);
    texts.set(begun.streamId, begun);
    this.#count += 1;
    this.#timer ??= this.#startTimer(this.#redaction.holdMillis);
    return begun;
  }

  #release(running: RunningText, sessionId: string): void {
    const { redactor, streamId, waiting, finishReasons } = running;
    // Asked by a replacement that logs: it goes out with the piece that is being redacted.
    if (running.isBusy) return;
    running.isBusy = true;
    const body = redactor.end();
    running.isBusy = false;
    running.waiting = undefined;
    running.finishReasons = undefined;
    if (body === '' && waiting === undefined) return;
    const attributes: Record<string, unknown> = { [ATTRIBUTE.sessionId]: sessionId };
    if (streamId !== undefined) attributes[ATTRIBUTE.streamId] = streamId;
    this.#emit({ attributes, ...waiting, body }, sessionId, { ...PLAIN_CHUNK, streamId, finishReasons });
  }

  #remove(running: RunningText, sessionId: string): void {
    const texts = this.#texts.get(sessionId);
    if (texts?.delete(running.streamId) !== true) return;
    this.#count -= 1;
    if (texts.size === 0) this.#texts.delete(sessionId);
  }

  /** It keeps no process alive: what is held back goes out when that exits. */
  #startTimer(millis: number): NodeJS.Timeout {
    return startTimer(() => this.#endIdle(), millis).unref();
  }

  #endIdle(): void {
    this.#timer = undefined;
    const { holdMillis } = this.#redaction;
    const now = performance.now();
    let next = Infinity;
    for (const [sessionId, texts] of this.#texts) {
      for (const running of texts.values()) {
        if (running.isAnswer) continue;
        const left = running.lastMillis + holdMillis - now;
        // Node's timers fire up to a millisecond early.
        if (left >= 1) next = Math.min(next, left);
        else {
          this.#remove(running, sessionId);
          this.#release(running, sessionId);
        }
      }
    }
    // Not one by one, however many texts there are.
    if (next < Infinity) this.#timer ??= this.#startTimer(Math.max(next, holdMillis / 4));
  }
}

function redactedAlone(text: string, redactor: TextRedactor): string {
  return redactor.push(text) + redactor.end();
}
