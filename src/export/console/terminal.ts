import { controlKindOf, SPECIAL_END_TOKENS } from '../../entry/tokens.ts';
import { reporterFor } from '../../support/reporter.ts';
import { hasColours } from '../../support/terminal-colours.ts';
import { escapeBracketed, withoutTerminalControls } from '../../support/terminal-text.ts';
import { startTimer } from '../../support/timers.ts';
import { EndOfTickWrite } from '../../support/end-of-tick-write.ts';

/**
 * A session whose line is not the open one waits until it has this much text for a line of its own, or for the time
 * below.
 */
const LINE_CHARS = 80;
const HELD_MILLIS = 1_000;
/** The most sessions that wait; with more, nobody reads along anyway. */
const MAX_HELD = 1_000;

/** Colours of labels, which distinguish concurrent sessions. */
const LABEL_COLOURS = [36, 35, 33, 34, 32, 96, 95, 93, 94, 92] as const;

const reporter = reporterFor('console');

/**
 * Shows chunks of sessions and whole lines to a person on stdout, so that no line begins within another one.
 *
 * Each line of chunks begins with the id of its session. One session writes live to the open line; the text of others
 * waits until that line ends, until it fills a line itself, or for a second. A line that was ended for another one
 * continues after `...`. Text is written without control characters and overrides of text direction, so that it can
 * neither control the terminal nor look like a line of another session.
 */
export class Terminal {
  readonly #write: (text: string) => void;
  readonly #hasColours: boolean;
  /** The session whose unfinished line is the last one on stdout. */
  #open: string | undefined;
  /** Waiting text by session, longest wait first. */
  readonly #held = new Map<string, string>();
  /** Sessions whose line was ended for another one. */
  readonly #cut = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (text: string) => void, hasLabelColours: boolean = hasColours()) {
    this.#write = write;
    this.#hasColours = hasLabelColours;
  }

  /** Shows a chunk. A token ends the session's line or shows nothing. */
  chunk(message: string, sessionId: string): void {
    if (controlKindOf(message) !== undefined) {
      if (SPECIAL_END_TOKENS.includes(message)) this.#endLine(sessionId);
      return;
    }
    const text = (this.#held.get(sessionId) ?? '') + withoutTerminalControls(message);
    if (text === '') return;
    const isItsLine = this.#open === undefined || this.#open === sessionId;
    if (isItsLine || text.length >= LINE_CHARS || text.includes('\n')) this.#show(sessionId, text);
    else this.#hold(sessionId, text);
  }

  /** Shows whole lines, each with its line end, after the waiting text of their session. */
  lines(text: string, sessionId?: string): void {
    const waiting = sessionId === undefined ? undefined : this.#held.get(sessionId);
    if (sessionId !== undefined && waiting !== undefined) this.#put(sessionId, waiting);
    this.#write(this.#endOpenLine() + text);
    this.#showNext();
  }

  /** Shows the waiting text of all sessions. */
  #showAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [sessionId, text] of this.#held) this.#put(sessionId, text);
  }

  /** Shows the waiting text and ends the open line: nothing more comes. */
  end(): void {
    this.#showAll();
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.#write('\n');
  }

  #hold(sessionId: string, text: string): void {
    this.#held.set(sessionId, text);
    if (this.#held.size > MAX_HELD) this.#showAll();
    else this.#timer ??= startTimer(this.flush, HELD_MILLIS).unref();
  }

  /** Shows the waiting text. Never throws: the next writer will learn too that stdout is gone. */
  readonly flush = (): void => {
    try {
      this.#showAll();
    } catch (error) {
      reporter.limited('stdout', 'text of sessions could not be shown', error);
    }
  };

  #show(sessionId: string, text: string): void {
    this.#put(sessionId, text);
    this.#showNext();
  }

  /** The line is free: gives it to the session that waits longest, and so on until one leaves it open. */
  #showNext(): void {
    for (const [sessionId, text] of this.#held) {
      if (this.#open !== undefined) return;
      this.#put(sessionId, text);
    }
  }

  #endLine(sessionId: string): void {
    const text = this.#held.get(sessionId);
    if (text !== undefined) this.#put(sessionId, text);
    this.#cut.delete(sessionId);
    if (this.#open !== sessionId) return;
    this.#open = undefined;
    this.#write('\n');
    this.#showNext();
  }

  /** The text that ends the open line for another one. */
  #endOpenLine(): string {
    if (this.#open === undefined) return '';
    if (this.#cut.size >= MAX_HELD) this.#cut.clear();
    this.#cut.add(this.#open);
    this.#open = undefined;
    return '\n';
  }

  #put(sessionId: string, text: string): void {
    this.#held.delete(sessionId);
    let shown = this.#open === sessionId ? '' : this.#endOpenLine();
    const lines = text.split('\n');
    for (const [index, line] of lines.entries()) {
      const isLast = index === lines.length - 1;
      if (this.#open === undefined && !(isLast && line === '')) {
        const isCut = this.#cut.delete(sessionId);
        // The line was already ended.
        if (isCut && line === '') continue;
        shown += this.#labelOf(sessionId) + (isCut ? '... ' : '');
        this.#open = sessionId;
      }
      shown += line;
      if (isLast) break;
      shown += '\n';
      this.#open = undefined;
    }
    if (shown !== '') this.#write(shown);
  }

  #labelOf(sessionId: string): string {
    const label = `[${escapeBracketed(sessionId)}]`;
    if (!this.#hasColours) return `${label} `;
    let hash = 0;
    for (let at = 0; at < sessionId.length; at += 1) hash = (hash * 31 + sessionId.charCodeAt(at)) % 1_000_003;
    return `\u001b[${LABEL_COLOURS[hash % LABEL_COLOURS.length]}m${label}\u001b[0m `;
  }
}

let shared: Terminal | undefined;

/** The terminal of this process: everything that writes to stdout has to know its open line. */
export function stdoutTerminal(): Terminal {
  if (shared !== undefined) return shared;
  const terminal = new Terminal((text) => process.stdout.write(text));
  const exit = new EndOfTickWrite((isExiting) => {
    if (!isExiting) return;
    try {
      terminal.end();
    } catch {
      // stdout is gone, as the process is.
      exit.close();
    }
  });
  return (shared = terminal);
}
