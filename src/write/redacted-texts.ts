import { PLAIN_CHUNK } from '../entry/entry.ts';
import type { Audience, OwnFacts } from '../entry/entry.ts';
import { EndOfTickWrite } from '../support/end-of-tick-write.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import type { TextRedaction, TextRedactor } from '../redact/redacts-text.ts';
import { ownText } from '../support/own-text.ts';
import { ownValue } from '../support/own-value.ts';
import { startTimer } from '../support/timers.ts';

/** The most texts at a time; beyond that, the texts of the session that began first end. */
const MAX_TEXTS = 10_000;

/** The facts that all pieces of one text share. */
type TextFacts = Pick<OwnFacts, 'streamId' | 'logType' | 'audience'>;

/**
 * A running text: an answer, or what a session logs outside of any answer. Pieces of another audience or log type form
 * a text of their own: frames for readers may come between pieces of the clean text for exporters.
 */
interface RunningText extends TextFacts {
  readonly redactor: TextRedactor;
  /** A `stream-start` came: the text ends with its `stream-end`, never by time. */
  isAnswer: boolean;
  /** Time of the last piece, on the monotonic clock. */
  lastMillis: number;
  /** The last chunk, if all of its text is held back, with the attributes of those before it. */
  waiting: EmittedLogRecord | undefined;
  finishReasons: OwnFacts['finishReasons'];
  /** A piece is being redacted. */
  isBusy: boolean;
}

/**
 * Redacts the chunks of sessions as the texts that they are pieces of. Holds back what could still become a match,
 * until the next chunk or mark.
 */
export class RedactedTexts {
  readonly #redaction: TextRedaction;
  readonly #emit: (record: EmittedLogRecord, sessionId: string, facts: OwnFacts) => void;
  readonly #exit: EndOfTickWrite;
  /** Texts by session and stream id, in the order in which the sessions began. */
  readonly #texts = new Map<string, Map<string | undefined, RunningText[]>>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param emit Emits a chunk whose text is redacted. */
  constructor(redaction: TextRedaction, emit: (record: EmittedLogRecord, sessionId: string, facts: OwnFacts) => void) {
    this.#redaction = redaction;
    this.#emit = emit;
    this.#exit = new EndOfTickWrite(() => this.#endAll());
  }

  /** @returns The record to emit instead of this one; `undefined` if all of its text is held back. */
  redacted(record: EmittedLogRecord, sessionId: string, facts: OwnFacts): EmittedLogRecord | undefined {
    const running = this.#runningText(sessionId, facts);
    // A replacement function logs: its logs are not part of the text that it was called for.
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
      // It ends what a `pop` reads, so that must be complete.
      return isLast ? body + running.redactor.end() : body;
    } finally {
      running.isBusy = false;
    }
  }

  /** Called before an entry that is not text: emits what was held back. */
  divide(sessionId: string, facts: OwnFacts): void {
    const { kind, streamId } = facts;
    const known = (this.#texts.get(sessionId)?.get(streamId) ?? []).filter((running) => isSeenWith(running, facts));
    for (const running of known) {
      if (kind === 'stream-end') this.#remove(running, sessionId);
      this.#release(running, sessionId);
    }
    if (kind !== 'stream-start') return;
    this.#runningText(sessionId, facts).isAnswer = true;
    for (const running of known) running.isAnswer = true;
  }

  /** Ends all texts of the session. An answer with a stream id that goes on begins another text. */
  endSession(sessionId: string): void {
    const ended = this.#takeAll(sessionId);
    this.#goOn(sessionId, ended);
    for (const running of ended) this.#release(running, sessionId);
  }

  /** Discards what is held back of a deleted session. An answer with a stream id that goes on begins another text. */
  forgetSession(sessionId: string): void {
    this.#goOn(sessionId, this.#takeAll(sessionId));
  }

  /** How many of the session's texts for exporters have something held back. */
  heldIn(sessionId: string): number {
    const isHeld = ({ audience, redactor, waiting }: RunningText): boolean =>
      audience !== 'readers' && (redactor.held > 0 || waiting !== undefined);
    return [...(this.#texts.get(sessionId)?.values() ?? [])].flat().filter(isHeld).length;
  }

  /** Removes all texts before they are emitted: a processor that logs while it gets them begins another text. */
  #takeAll(sessionId: string): RunningText[] {
    const taken = [...(this.#texts.get(sessionId)?.values() ?? [])].flat();
    this.#count -= taken.length;
    this.#texts.delete(sessionId);
    return taken;
  }

  /** The writer of an answer with a stream id does not know of the session's end and goes on to its `stream-end`. */
  #goOn(sessionId: string, before: readonly RunningText[]): void {
    for (const running of before) {
      if (running.isAnswer && running.streamId !== undefined) this.#runningText(sessionId, running).isAnswer = true;
    }
  }

  /** Ends all texts. */
  close(): void {
    this.#exit.close();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #endAll(): void {
    // Copied, because a processor that logs while it gets a text may begin others.
    const ids = [...this.#texts.keys()];
    for (const sessionId of ids) this.#endAllOf(sessionId);
  }

  #endAllOf(sessionId: string): void {
    for (const running of this.#takeAll(sessionId)) this.#release(running, sessionId);
  }

  #runningText(sessionId: string, facts: TextFacts): RunningText {
    const now = performance.now();
    const known = findText(this.#texts.get(sessionId)?.get(facts.streamId), facts);
    if (known !== undefined) {
      known.lastMillis = now;
      return known;
    }
    if (this.#count >= MAX_TEXTS) this.#endAllOf(this.#texts.keys().next().value as string);
    const { streamId, logType, audience } = facts;
    const texts = this.#texts.get(sessionId) ?? new Map<string | undefined, RunningText[]>();
    if (texts.size === 0) this.#texts.set(ownText(sessionId), texts);
    const beside = texts.get(streamId) ?? [];
    const begun: RunningText = {
      redactor: this.#redaction.open(),
      streamId: streamId === undefined ? undefined : ownText(streamId),
      logType,
      audience,
      isAnswer: beside.some((running) => running.isAnswer && isSeenWith(running, facts)),
      lastMillis: now,
      waiting: undefined,
      finishReasons: undefined,
      isBusy: false,
    };
    if (beside.length === 0) texts.set(begun.streamId, beside);
    beside.push(begun);
    this.#count += 1;
    this.#timer ??= this.#startTimer(this.#redaction.holdMillis);
    return begun;
  }

  #release(running: RunningText, sessionId: string): void {
    const { redactor, streamId, logType, audience, waiting, finishReasons } = running;
    // A replacement function logs: the text goes out with the piece that is being redacted.
    if (running.isBusy) return;
    running.isBusy = true;
    const body = redactor.end();
    running.isBusy = false;
    running.waiting = undefined;
    running.finishReasons = undefined;
    if (body === '' && waiting === undefined) return;
    const attributes: Record<string, unknown> = { [ATTRIBUTE.sessionId]: sessionId };
    if (logType !== PLAIN_CHUNK.logType) attributes[ATTRIBUTE.logType] = logType;
    if (streamId !== undefined) attributes[ATTRIBUTE.streamId] = streamId;
    const facts = { ...PLAIN_CHUNK, streamId, logType, audience, finishReasons };
    this.#emit({ attributes, ...waiting, body }, sessionId, facts);
  }

  #remove(running: RunningText, sessionId: string): void {
    const texts = this.#texts.get(sessionId);
    const beside = texts?.get(running.streamId);
    const index = beside?.indexOf(running) ?? -1;
    if (texts === undefined || beside === undefined || index === -1) return;
    beside.splice(index, 1);
    this.#count -= 1;
    if (beside.length === 0) texts.delete(running.streamId);
    if (texts.size === 0) this.#texts.delete(sessionId);
  }

  /** Does not keep the process alive: what is held back goes out when it exits. */
  #startTimer(millis: number): NodeJS.Timeout {
    return startTimer(() => this.#endIdle(), millis).unref();
  }

  #endIdle(): void {
    this.#timer = undefined;
    const { holdMillis } = this.#redaction;
    const now = performance.now();
    let next = Infinity;
    for (const [sessionId, texts] of this.#texts) {
      for (const running of [...texts.values()].flat()) {
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
    // One timer for all texts, however many there are.
    if (next < Infinity) this.#timer ??= this.#startTimer(Math.max(next, holdMillis / 4));
  }
}

/** A loop rather than `find`: it runs for each chunk, and there is nearly always one text. */
function findText(texts: readonly RunningText[] | undefined, facts: TextFacts): RunningText | undefined {
  if (texts === undefined) return undefined;
  for (const text of texts) if (text.audience === facts.audience && text.logType === facts.logType) return text;
  return undefined;
}

/** Whether anyone gets both. */
function isSeenWith(one: TextFacts, other: TextFacts): boolean {
  return one.logType === other.logType && isSharedAudience(one.audience, other.audience);
}

function isSharedAudience(one: Audience, other: Audience): boolean {
  return one === other || one === 'all' || other === 'all';
}

function redactedAlone(text: string, redactor: TextRedactor): string {
  return redactor.push(text) + redactor.end();
}
