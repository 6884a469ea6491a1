import { columnsOf, printable, wrap } from './terminal-text.ts';

/** What is shown of the demo at any time. */
export interface View {
  /** The text on the user's page, and how many pieces it lacks. */
  readonly user: { readonly text: string; readonly isConnected: boolean; readonly behind: number };
  /** The operator's own logs. */
  readonly operator: readonly string[];
  readonly collector: { readonly arrived: number; readonly written: number; readonly isAway: boolean };
}

export interface Screen {
  /** Tells what has happened to somebody. */
  tell(who: Who, text: string): void;
  draw(): void;
  close(): void;
}

export type Who = 'model' | 'user' | 'operator' | 'collector';

const COLOURS: Readonly<Record<Who | 'faint' | 'bad', number>> = {
  model: 35,
  user: 36,
  operator: 33,
  collector: 32,
  faint: 90,
  bad: 31,
};
const MAX_WIDTH = 76;
const MARGIN = 19;
const USER_LINES = 4;
const OPERATOR_LINES = 3;
const FRAME_MILLIS = 40;

/** A live view on a terminal, with what happened above it; elsewhere, what happened. */
export function openScreen(view: View, output: NodeJS.WriteStream): Screen {
  return output.isTTY ? new LiveScreen(view, output) : new PlainScreen(output);
}

/** What happened, in lines of that width: when, to whom, and what. */
function eventLines(seconds: number, who: Who, text: string, width: number): string[] {
  return wrap(text, width - MARGIN).map((line, index) =>
    index === 0 ? `${seconds.toFixed(1).padStart(5)} s  ${who.padEnd(MARGIN - 9)}${line}` : ' '.repeat(MARGIN) + line,
  );
}

class PlainScreen implements Screen {
  readonly #output: NodeJS.WriteStream;
  readonly #begin = performance.now();

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  tell(who: Who, text: string): void {
    for (const line of eventLines((performance.now() - this.#begin) / 1000, who, text, 59)) {
      this.#output.write(`${line}\n`);
    }
  }

  draw(): void {
    // Only what happened is told.
  }

  close(): void {
    this.draw();
  }
}

/** Redraws a view below what happened, at most 25 times a second. Every line is cut to the width: nothing wraps. */
class LiveScreen implements Screen {
  readonly #view: View;
  readonly #output: NodeJS.WriteStream;
  readonly #hasColours: boolean = !process.env['NO_COLOR'];
  readonly #begin = performance.now();
  /** What happened since the last frame. */
  #news: string[] = [];
  #drawn = 0;
  #width = 0;
  #lastDraw = 0;
  readonly #onExit = (): void => void this.#output.write('\u001b[?25h');
  readonly #onInterrupt = (): never => process.exit(130);

  constructor(view: View, output: NodeJS.WriteStream) {
    this.#view = view;
    this.#output = output;
    process.on('exit', this.#onExit);
    process.on('SIGINT', this.#onInterrupt);
    output.write('\u001b[?25l');
  }

  tell(who: Who, text: string): void {
    const seconds = (performance.now() - this.#begin) / 1000;
    // Its own logs stand in the operator's part of the view.
    if (who !== 'operator') {
      this.#news.push(
        ...eventLines(seconds, who, text, this.#columns()).map((line, index) =>
          index === 0
            ? this.#paint('faint', line.slice(0, 9)) + this.#paint(who, line.slice(9, MARGIN)) + line.slice(MARGIN)
            : line,
        ),
      );
    }
    this.#show();
  }

  draw(): void {
    if (performance.now() - this.#lastDraw >= FRAME_MILLIS) this.#show();
  }

  close(): void {
    this.#show();
    this.#onExit();
    process.off('exit', this.#onExit);
    process.off('SIGINT', this.#onInterrupt);
  }

  #columns(): number {
    return Math.min(MAX_WIDTH, Math.max(30, this.#output.columns ?? 80) - 1);
  }

  #show(): void {
    this.#lastDraw = performance.now();
    const width = this.#columns();
    const height = Math.max(4, (this.#output.rows ?? 24) - 1);
    // The cursor cannot go up past the top: a frame higher than the terminal would scroll and repeat itself.
    const frame = this.#frame(width).slice(0, height);
    // After a change of width the terminal has wrapped what was drawn: how many lines up it begins is not known.
    const isResized = this.#drawn > 0 && (width !== this.#width || this.#drawn > height);
    const up = isResized ? '\u001b[H\u001b[2J' : this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    const lines = [...this.#news, ...frame].map((line) => `\r${line}\u001b[K\n`).join('');
    // A terminal that shows all at once when told to has no half-drawn frame; others ignore the marks.
    this.#output.write(`\u001b[?2026h${up}${lines}\u001b[J\u001b[?2026l`);
    this.#news = [];
    this.#width = width;
    this.#drawn = frame.length;
  }

  #frame(width: number): string[] {
    const { user, operator, collector } = this.#view;
    const waiting = collector.written - collector.arrived;
    return [
      '',
      this.#head('user', user.isConnected, user.isConnected ? 'reads' : `cut off, lacks ${user.behind} pieces`, width),
      ...lastLines(wrap(user.text.slice(-4_000).trimEnd(), width - 3), USER_LINES).map((line) => `   ${line}`),
      this.#head('operator', true, 'reads the same session, with its logs', width),
      ...lastLines(
        operator.map((line) => cut(line, width - 3)),
        OPERATOR_LINES,
      ).map((line) => `   ${line}`),
      this.#head(
        'collector',
        !collector.isAway,
        `${collector.isAway ? 'away' : 'there'}, ${waiting} records wait`,
        width,
      ),
      `   ${this.#bar(collector.arrived / Math.max(1, collector.written), width - 3, collector.isAway)}`,
    ];
  }

  #head(who: Who, isWell: boolean, state: string, width: number): string {
    const mark = isWell ? this.#paint(who, '●') : this.#paint('bad', '○');
    return ` ${mark} ${this.#paint(who, who.padEnd(MARGIN - 9))}${this.#paint(isWell ? 'faint' : 'bad', cut(state, width - 13))}`;
  }

  #bar(share: number, width: number, isAway: boolean): string {
    const filled = Math.round(Math.min(1, share) * width);
    return (
      this.#paint(isAway ? 'bad' : 'collector', '━'.repeat(filled)) + this.#paint('faint', '─'.repeat(width - filled))
    );
  }

  #paint(colour: keyof typeof COLOURS, text: string): string {
    return this.#hasColours ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  }
}

/** The last lines, always as many. */
function lastLines(lines: readonly string[], count: number): string[] {
  const last = lines.slice(-count);
  return [...last, ...Array.from({ length: count - last.length }, () => '')];
}

function cut(text: string, width: number): string {
  const line = printable(text);
  return columnsOf(line) <= width ? line : (wrap(line, width)[0] ?? '');
}
