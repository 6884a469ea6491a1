import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { readTable } from '../../bench/docs-data.ts';
import { entryBytes, sessionBytes } from '../../src/store/memory/kept-entry.ts';

/** The numbers that stand in a text where its phrase has `#`; a line may end anywhere. */
function numbersIn(text: string, phrase: string): string[] {
  const words = phrase.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(' ', String.raw`\s+`);
  const found = new RegExp(words.replaceAll('#', String.raw`(\d[\d,]*(?:\.\d+)?)`)).exec(text);
  if (found === null) throw new Error(`"${phrase}" is not there any more: say here what is`);
  return found.slice(1);
}

/** With as many digits as another number has. */
function roundedLike(quoted: string, value: number): string {
  const [, decimals] = quoted.split('.');
  if (decimals !== undefined) return value.toFixed(decimals.length);
  const unit = 10 ** (/0*$/.exec(quoted)?.[0].length ?? 0);
  return (Math.round(value / unit) * unit).toLocaleString('en');
}

/** Of the row whose first cell is this, and whose second has this text in it. */
function cell(file: string, first: string, column: string, second = ''): string {
  const row = readTable(file).rows.find((cells) => {
    const [one, two = ''] = Object.values(cells);
    return one === first && two.includes(second);
  });
  if (row?.[column] === undefined)
    throw new Error(`docs/data/${file} has no row "${first}" "${second}" with "${column}"`);
  return row[column];
}

const numbers = (text: string, phrase: string): number[] =>
  numbersIn(text, phrase).map((number) => Number(number.replaceAll(',', '')));

const performanceOf = (row: number, work: string): string => cell('performance.json', `${row}`, 'this build', work);
const peersOf = (row: number, work = ''): string =>
  cell('performance.json', `${row}`, 'peers, in the same run unless quoted', work);
/** The first number that stands in a cell where the phrase has `#`. */
const first = (text: string, phrase = '#'): number => numbers(text, phrase)[0] ?? Number.NaN;
const measured = (row: number, work = ''): number => first(performanceOf(row, work));

const live = measured(2);
const held = measured(7);
const [waits, waitsAfterOne] = [measured(5, 'unknown id'), measured(5, 'entry read')];
const [longLine, shortLine] = [measured(8, '200 lines'), measured(8, '20 lines')];
const spool = [measured(9, '512 records'), measured(9, '20 records')];
const [exportJson, , exportProtobuf] = numbers(performanceOf(12, 'an answer of 500 tokens'), '1/#; 1/#; 1/#');
const inRedis = first(cell('redis-sizes.json', '50 entries of 100 characters', 'bytes in Redis'));
const lostByStock = numbers(cell('faults.json', 'collector down', 'lost by the stock pipeline'), '# of #');
const redaction = measured(18);
const [answer, together, alone] = [
  'an answer of 100 tokens a second',
  'eight events together',
  'events with pauses between them',
].map((events) => first(cell('event-streams.json', events, 'this build')));

/** Pages, what they say, and the figures that stand where it has `#`. */
const QUOTES: readonly (readonly [page: string, phrase: string, ...figures: (number | undefined)[]])[] = [
  ['README.md', '| # | chunks per CPU-second', live],
  ['README.md', '| # bytes | of memory per entry', held],
  ['README.md', '| # µs | of CPU for each token and client', answer],
  ['README.md', '| # | of 1,000,000 records from a tight loop arrive', measured(11)],
  ['README.md', 'with the stock batch processor, # do', first(peersOf(11), 'stock #')],
  ['docs/performance.md', 'The other # ns go into', 1e9 / live - 1e9 / first(peersOf(2), 'hand-written #')],
  ['docs/run.md', 'An entry of 60 characters takes # bytes', held],
  ['docs/run.md', 'a session # KB', measured(5, 'no reader') / 1_000],
  ['docs/run.md', 'a reader that waits # to # KB', waits / 1_000, waitsAfterOne / 1_000],
  ['docs/run.md', '10,000 live sessions of 500 such entries take about # MB', (waitsAfterOne + 500 * held) / 100],
  [
    'docs/run.md',
    'The same 10,000 sessions count # MB',
    (sessionBytes('abc123') + 500 * entryBytes(60, undefined)) / 100,
  ],
  ['docs/run.md', '| # times the SDK alone', first(performanceOf(1, '1 session'), 'x#')],
  ['docs/run.md', 'the SDK alone, # µs in all', first(performanceOf(1, '1 session'), ', #') / 1_000],
  ['docs/run.md', '| # µs of CPU with one session, # µs with 1,000', 1e6 / live, 1e6 / measured(2, '1,000 ')],
  ['docs/run.md', '| a line of the daily file | # to # µs', longLine, shortLine],
  ['docs/run.md', '| # to # µs above the SDK', ...spool],
  ['docs/run.md', '| redaction by five patterns | # µs a token', redaction],
  ['docs/run.md', '| # µs alone, # to # µs where 1,000 clients follow', alone, together, answer],
  ['docs/run.md', '| 1/# of the export CPU', exportJson],
  ['docs/run.md', "| `import 'otel-session-logs'` | # ms", measured(14)],
  ['docs/answers.md', 'takes 1/# of the CPU as JSON and 1/# as protobuf', exportJson, exportProtobuf],
  ['docs/comparison.md', 'emitting a record costs [# times as much]', first(performanceOf(1, '1 session'), 'x#')],
  ['docs/comparison.md', 'it lost # of # records', ...lostByStock],
  ['docs/comparison.md', 'The daily file takes # µs of CPU a line in bursts of 200', longLine],
  ['docs/comparison.md', 'and pino # µs to a file', first(peersOf(8, '200 lines'), 'pino #')],
  ['docs/delivery.md', '# to # µs of CPU a record above the SDK', ...spool],
  ['docs/many-hosts.md', 'readable some # ms after the call', measured(13, '1,000 sessions followed')],
  ['docs/many-hosts.md', '100,000 live sessions of 50 entries take # GB', inRedis / 10],
  ['docs/privacy.md', 'Five patterns cost about # µs a token', redaction],
  ['docs/screen.md', 'costs # µs of CPU for each client when it comes alone', alone],
  ['docs/screen.md', 'twelve writes a second, at # µs a token', answer],
];

for (const [page, phrase, ...figures] of QUOTES) {
  it(`${page} quotes "${phrase}" as it was measured`, () => {
    const quoted = numbersIn(readFileSync(page, 'utf8'), phrase);
    expect(quoted).toEqual(figures.map((figure = Number.NaN, index) => roundedLike(quoted[index] ?? '', figure)));
  });
}
