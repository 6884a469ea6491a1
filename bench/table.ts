/** What is printed of the samples of a row. */
import type { Figures } from './docs-data.ts';
import { median } from './harness.ts';
import type { Row, Sample, Target } from './harness.ts';

/** The samples of a way, one of each turn. */
export type Samples = readonly Sample[];

export interface Measured {
  readonly row: Row;
  readonly ours: Samples;
  /** Of the other build, with `--against`. */
  readonly other?: Samples;
  readonly peers: Readonly<Record<string, Samples>>;
  /** Why there is no figure. */
  readonly failure?: string;
}

/** Turn by turn, so that a drift of the machine's speed meets both. */
function ratios(of: readonly number[], to: readonly number[]): number[] {
  return of.map((value, turn) => value / (to[turn] ?? Number.NaN));
}

const figuresOf = (samples: Samples): number[] => samples.map(({ figure }) => figure);
const timesBase = (samples: Samples): number[] => samples.map(({ figure, base = Number.NaN }) => figure / base);

function plain(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

function times(value: number): string {
  return value < 0.1 ? `1/${plain(1 / value)}` : `x${value.toFixed(2)}`;
}

/** `median (min to max)`. */
function spread(values: readonly number[], format: (value: number) => string): string {
  const middle = format(median(values));
  return values.length === 1 ? middle : `${middle} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

function withUnit(text: string, { unit }: Row): string {
  return unit === '/s' ? `${text}/s` : `${text} ${unit}`;
}

function cell(samples: Samples, row: Row): string {
  if (samples.length === 0) return '-';
  const figure = withUnit(spread(figuresOf(samples), plain), row);
  const base = samples[0]?.base === undefined ? undefined : spread(timesBase(samples), times);
  const also =
    samples[0]?.also === undefined
      ? ''
      : `; ${spread(
          samples.map(({ also = 0 }) => also),
          plain,
        )} ${row.also ?? ''}`;
  return `${base === undefined ? figure : `**${base}**, ${figure}`}${also}`;
}

function peersOf({ row, ours, peers }: Measured): string {
  const measured = Object.entries(peers).map(([name, samples]) => {
    if (samples[0]?.base !== undefined) return `${name} ${cell(samples, row)}`;
    const ratio = spread(ratios(figuresOf(ours), figuresOf(samples)), times);
    return `${name} ${cell(samples, row)}: ours is ${ratio} of it`;
  });
  return [...measured, ...(row.quoted === undefined ? [] : [`${row.quoted} (quoted)`])].join('; ');
}

function valueFor(target: Target, { ours, peers }: Measured): number {
  if (target.of === 'figure') return median(figuresOf(ours));
  if (target.of === 'base') return median(timesBase(ours));
  return median(ratios(figuresOf(ours), figuresOf(peers[target.of] ?? [])));
}

function targetOf(measured: Measured): readonly [target: string, reached: string] {
  const { target } = measured.row;
  if (target === undefined) return ['', ''];
  const { atMost = Infinity, atLeast = -Infinity, of } = target;
  const bound = target.atMost === undefined ? atLeast : atMost;
  const text = of === 'figure' ? withUnit(plain(bound), measured.row) : times(bound);
  const value = valueFor(target, measured);
  const isReached = value <= atMost && value >= atLeast;
  return [`${target.atMost === undefined ? 'at least' : 'at most'} ${text}`, isReached ? 'yes' : '**no**'];
}

function lineOf(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function whatOf({ what, base }: Row): string {
  return base === undefined ? what : `${what}; **times** ${base}`;
}

/** What docs/performance.md shows of what was measured. */
export function figuresFor(measured: Measured): Figures {
  const { row, ours, other } = measured;
  const of = row.base === undefined ? figuresOf : timesBase;
  const ratio = other === undefined ? '' : spread(ratios(of(ours), of(other)), times);
  const [target, reached] = targetOf(measured);
  return { row: row.row, what: whatOf(row), figure: cell(ours, row), ratio, peers: peersOf(measured), target, reached };
}

/** The table of this build. */
export function table(all: readonly Measured[]): string {
  const lines = all.map((measured) => {
    const { row, ours, failure } = measured;
    if (failure !== undefined) return lineOf([row.row, whatOf(row), failure, '', '', '**no**']);
    return lineOf([row.row, whatOf(row), cell(ours, row), peersOf(measured), ...targetOf(measured)]);
  });
  return [
    lineOf(['#', 'work', 'ours', 'peers, in the same run unless quoted', 'target', 'reached']),
    lineOf(Array.from({ length: 6 }, () => '---')),
    ...lines,
  ].join('\n');
}

/** The table of two builds. Their ratio is that of the ratios to the base, where a row has one, else that of the figures. */
export function comparison(all: readonly Measured[], name: string): string {
  const lines = all.map((measured) => {
    const { row, ours, other = [], failure } = measured;
    if (failure !== undefined) return lineOf([row.row, whatOf(row), failure, '', '', '']);
    const of = row.base === undefined ? figuresOf : timesBase;
    const ratio = spread(ratios(of(ours), of(other)), times);
    return lineOf([row.row, whatOf(row), cell(other, row), cell(ours, row), ratio, peersOf(measured)]);
  });
  return [
    `Of \`this / ${name}\`, below x1.00 is better, for rates (/s) above it.\n`,
    lineOf(['#', 'work', name, 'this', `this / ${name}`, 'peers']),
    lineOf(Array.from({ length: 6 }, () => '---')),
    ...lines,
  ].join('\n');
}
