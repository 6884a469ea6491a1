import { entryDetail, isChat, kindOf } from '../entry/entry-detail.ts';
import type { EntryDetail } from '../entry/entry-detail.ts';
import type { TextRedaction, TextRedactor } from '../redact/redacts-text.ts';
import type { SessionStore } from '../store/session-store.ts';

/** An entry, as a store holds it. */
export interface MovedEntry {
  readonly sessionId: string;
  readonly message: string;
  readonly timestamp: number;
  readonly detail: EntryDetail | undefined;
}

/** The target to which entries move. If it throws, the entry of that call is lost. */
export interface MoveTarget {
  /** @param isTextRedacted Whether its text is a piece of one that was redacted as a whole. */
  take(entry: MovedEntry, isTextRedacted: boolean): void;
  /** Ends the session. */
  end(sessionId: string): void;
  /** Gets what was thrown. */
  failed(error: unknown): void;
}

/**
 * Moves what an embedded store holds of its sessions' current lives to another store, session by session, in the order
 * logged.
 *
 * @param redaction Redacts the chunks of sessions as the texts that they are pieces of.
 */
export function moveEntries(store: SessionStore, redaction: TextRedaction | undefined, target: MoveTarget): void {
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      target.failed(error);
    }
  };
  for (const sessionId of store.sessionIds()) {
    const texts = redaction && new MovedTexts(redaction, (entry) => target.take(entry, true));
    const take = (entry: MovedEntry): void => (texts?.takes(entry) === true ? undefined : target.take(entry, false));
    const cursor = store.open(sessionId, { from: 'start', isBounded: true });
    for (let step = cursor.step(); step === 'entry' || step === 'end'; step = cursor.step()) {
      const { message, timestamp, detail } = cursor;
      if (step === 'entry') attempt(() => take({ sessionId, message, timestamp, detail }));
      else {
        attempt(() => texts?.endAll());
        attempt(() => target.end(sessionId));
      }
    }
    attempt(() => texts?.endAll());
    cursor.leave();
  }
}

interface MovedText {
  readonly redactor: TextRedactor;
  last: MovedEntry;
}

/** The texts of one session. A chunk keeps its entry, even if all of its text is held back for the next one. */
class MovedTexts {
  readonly #redaction: TextRedaction;
  readonly #take: (entry: MovedEntry) => void;
  readonly #running = new Map<string | undefined, MovedText>();

  constructor(redaction: TextRedaction, take: (entry: MovedEntry) => void) {
    this.#redaction = redaction;
    this.#take = take;
  }

  /** Takes the entry if it is a piece of a text; `false` if it is not. */
  takes(entry: MovedEntry): boolean {
    const { detail } = entry;
    if (!isChat(detail)) return false;
    const streamId = detail?.streamId;
    if (kindOf(detail) !== 'text') {
      this.#end(streamId);
      return false;
    }
    const running = this.#running.get(streamId) ?? { redactor: this.#redaction.open(), last: entry };
    this.#running.set(streamId, running);
    running.last = entry;
    const text = running.redactor.push(entry.message);
    // It ends what a `pop` reads, so that must be complete.
    this.#take({ ...entry, message: detail?.endsReasoning === true ? text + running.redactor.end() : text });
    return true;
  }

  endAll(): void {
    for (const streamId of this.#running.keys()) this.#end(streamId);
  }

  #end(streamId: string | undefined): void {
    const running = this.#running.get(streamId);
    if (running === undefined) return;
    this.#running.delete(streamId);
    const message = running.redactor.end();
    const detail = streamId === undefined ? undefined : entryDetail({ streamId });
    if (message !== '') this.#take({ ...running.last, message, detail });
  }
}
