/** One session as it is shown. */
export interface Pane {
  readonly title: string;
  /** Characters read live so far, of `total`. */
  read: number;
  readonly total: number;
  chunks: number;
  /** The end of what was read live. */
  tail: string;
  isDone: boolean;
}

export interface Screen {
  draw(): void;
  close(): void;
}

const COLOURS = [36, 33, 35, 32, 34, 91];
const FRAME_MILLIS = 40;

/** A live view on a terminal, plain lines elsewhere. */
export function openScreen(panes: readonly Pane[], output: NodeJS.WriteStream): Screen {
  return output.isTTY ? new LiveScreen(panes, output) : new PlainScreen(panes, output);
}

/** Redraws the panes in place, at most 25 times a second. Every line is cut to the width: nothing wraps, nothing flickers. */
class LiveScreen implements Screen {
  readonly #panes: readonly Pane[];
  readonly #output: NodeJS.WriteStream;
  readonly #hasColours: boolean = !process.env['NO_COLOR'];
  #drawn = 0;
  #width = 0;
  #lastDraw = 0;
  readonly #onExit = (): void => void this.#output.write('\u001b[?25h');
  readonly #onInterrupt = (): never => process.exit(130);

  constructor(panes: readonly Pane[], output: NodeJS.WriteStream) {
    this.#panes = panes;
    this.#output = output;
    process.on('exit', this.#onExit);
    process.on('SIGINT', this.#onInterrupt);
    output.write('\u001b[?25l');
  }

  draw(): void {
    const now = performance.now();
    if (now - this.#lastDraw < FRAME_MILLIS) return;
    this.#lastDraw = now;
    this.#paint();
  }

  close(): void {
    this.#paint();
    this.#onExit();
    process.off('exit', this.#onExit);
    process.off('SIGINT', this.#onInterrupt);
  }

  #paint(): void {
    const width = Math.max(20, this.#output.columns ?? 80) - 1;
    const height = Math.max(8, this.#output.rows ?? 24) - 2;
    const textLines = Math.max(1, Math.min(4, Math.floor(height / this.#panes.length) - 2));
    const all = this.#panes.flatMap((pane, index) => this.#linesOf(pane, index, width, textLines));
    // The cursor cannot go up past the top: a frame higher than the terminal would scroll and repeat itself.
    const lines = all.slice(0, height + 1);
    // After a change of width the terminal has wrapped what was drawn: how many lines up it begins is not known.
    const isResized = this.#drawn > 0 && (width !== this.#width || this.#drawn > height + 1);
    const up = isResized ? '\u001b[H\u001b[2J' : this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#width = width;
    // A terminal that shows all at once when told to has no half-drawn frame; others ignore the marks.
    this.#output.write(`\u001b[?2026h${up}${lines.map((line) => `\r${line}\u001b[K\n`).join('')}\u001b[J\u001b[?2026l`);
    this.#drawn = lines.length;
  }

  #linesOf(pane: Pane, index: number, width: number, textLines: number): string[] {
    const colour = COLOURS[index % COLOURS.length] as number;
    const share = pane.total === 0 ? 1 : pane.read / pane.total;
    const barWidth = Math.max(6, Math.min(28, width - 52));
    const filled = Math.round(share * barWidth);
    const bar = '━'.repeat(filled) + this.#paintText(90, '─'.repeat(barWidth - filled));
    const state = pane.isDone ? '✓' : '●';
    const numbers = `${String(Math.floor(share * 100)).padStart(3)} %  ${String(pane.chunks).padStart(6)} chunks`;
    const title = pane.title.slice(0, Math.max(8, width - barWidth - 28)).padEnd(16);
    const label = this.#paintText(colour, `${state} ${title}`);
    // Beside the bar and the numbers: two for the state, two spaces between.
    const isNarrow = width < title.length + barWidth + numbers.length + 4;
    const head = isNarrow
      ? this.#paintText(colour, `${state} ${pane.title}`.slice(0, width - 6).padEnd(width - 6) + numbers.slice(0, 5))
      : `${label} ${this.#paintText(colour, bar)} ${this.#paintText(90, numbers)}`;
    const text = wrapTail(pane.tail, width - 2, textLines).map(
      (line) => `  ${pane.isDone ? this.#paintText(90, line) : line}`,
    );
    return [head, ...text, ''];
  }

  #paintText(colour: number, text: string): string {
    return this.#hasColours ? `\u001b[${colour}m${text}\u001b[0m` : text;
  }
}

class PlainScreen implements Screen {
  readonly #panes: readonly Pane[];
  readonly #output: NodeJS.WriteStream;
  readonly #told = new Map<Pane, number>();

  constructor(panes: readonly Pane[], output: NodeJS.WriteStream) {
    this.#panes = panes;
    this.#output = output;
    for (const pane of panes) output.write(`${pane.title}: streaming ${pane.total} characters\n`);
  }

  draw(): void {
    for (const pane of this.#panes) {
      const quarter = pane.total === 0 ? 4 : Math.floor((4 * pane.read) / pane.total);
      if (quarter === (this.#told.get(pane) ?? 0) || quarter === 4) continue;
      this.#told.set(pane, quarter);
      this.#output.write(`${pane.title}: ${quarter * 25} % read live, ${pane.chunks} chunks\n`);
    }
  }

  close(): void {
    for (const pane of this.#panes) this.#output.write(`${pane.title}: ${pane.chunks} chunks read live\n`);
  }
}

// oxlint-disable-next-line no-control-regex -- what could drive the terminal: the documents are not ours
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A file's name for one line of a terminal. */
export function titleOf(name: string): string {
  return name.replace(CONTROLS, '?').replaceAll('\n', '?');
}

/** The last lines of the text at that width, always as many. Wide characters count as two. */
function wrapTail(text: string, width: number, count: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text
    .replace(CONTROLS, ' ')
    .split('\n')
    .slice(-count - 1)) {
    let line = '';
    let columns = 0;
    for (const character of paragraph) {
      const wide = (character.codePointAt(0) ?? 0) > 0x10_ff ? 2 : 1;
      if (columns + wide > width) {
        lines.push(line);
        line = '';
        columns = 0;
      }
      line += character;
      columns += wide;
    }
    lines.push(line);
  }
  const tail = lines.slice(-count);
  while (tail.length < count) tail.push('');
  return tail;
}
