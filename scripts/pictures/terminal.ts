import { spawn } from 'node:child_process';

import xterm from '@xterm/headless';

/** A run of characters in one style. */
export interface Span {
  readonly text: string;
  /** Of the 16 colours of a terminal; `undefined`: the one of plain text. */
  readonly colour: number | undefined;
  readonly isBold: boolean;
}

export interface ShownLine {
  readonly spans: readonly Span[];
  /** The terminal has broken the line before it, which was too long. */
  readonly isWrapped: boolean;
}

export interface TerminalRun {
  readonly exitCode: number;
  /** What the terminal shows at the end, with what has scrolled out of it. */
  readonly lines: readonly ShownLine[];
  /** All lines that it had to break, at any time of the run. */
  readonly brokenLines: readonly string[];
}

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Runs a program of Node in a real terminal of that size. Needs `script` of util-linux. */
export async function runInTerminal(args: readonly string[], options: TerminalOptions): Promise<TerminalRun> {
  const { columns, rows, env = process.env, cwd } = options;
  const terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true });
  const command = [process.execPath, ...args].map((each) => `'${each}'`).join(' ');
  const child = spawn('script', ['-qefc', `stty cols ${columns} rows ${rows}; exec ${command}`, '/dev/null'], {
    cwd,
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const broken = new Set<string>();
  for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
    await new Promise<void>((resolve) => terminal.write(bytes, resolve));
    for (const { isWrapped, spans } of linesOf(terminal)) if (isWrapped) broken.add(textOf(spans));
  }
  const exitCode =
    child.exitCode ?? (await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1))));
  return { exitCode, lines: linesOf(terminal), brokenLines: [...broken] };
}

export function textOf(spans: readonly Span[]): string {
  return spans.map(({ text }) => text).join('');
}

function linesOf({ buffer, cols }: xterm.Terminal): ShownLine[] {
  const lines: ShownLine[] = [];
  for (let y = 0; y < buffer.active.length; y += 1) {
    const line = buffer.active.getLine(y);
    if (line !== undefined) lines.push({ spans: spansOf(line, cols), isWrapped: line.isWrapped });
  }
  while (lines.length > 0 && lines.at(-1)?.spans.length === 0) lines.pop();
  return lines;
}

type BufferLine = NonNullable<ReturnType<xterm.IBuffer['getLine']>>;

function spansOf(line: BufferLine, columns: number): Span[] {
  const spans: { text: string; colour: number | undefined; isBold: boolean }[] = [];
  const end = line.translateToString(true).length;
  for (let x = 0; x < Math.min(columns, end); x += 1) {
    const cell = line.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const colour = cell.isFgPalette() ? cell.getFgColor() : undefined;
    const isBold = cell.isBold() !== 0;
    const last = spans.at(-1);
    const text = cell.getChars() || ' ';
    if (last !== undefined && last.colour === colour && last.isBold === isBold) last.text += text;
    else spans.push({ text, colour, isBold });
  }
  return spans;
}
