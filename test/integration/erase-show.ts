import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

import { expect } from 'vitest';

import { readSpool } from '../../src/export/durable/spool-report.ts';
import { dayOf, daysBefore } from '../../src/export/file/local-day.ts';
import { readLine } from '../../src/export/file/written-line.ts';
import { OwnerWatch } from '../../src/export/spool/owner-watch.ts';
import type { ErasureReceipt } from '../../src/facade/erasure-receipt.ts';
import { builtSource } from '../support/built-source.ts';
import { until } from '../support/until.ts';

export interface ShowOptions {
  readonly directory: string;
  readonly sessions: number;
  /** How many of them are erased, by turns in the one and the other process. */
  readonly erased: number;
  /** How many erasures are killed on the way. */
  readonly kills: number;
  readonly random: () => number;
  readonly redis?: { readonly url: string; readonly prefix: string };
}

/** What was found afterwards. */
export interface ShowResult {
  readonly receipts: readonly { readonly at: number; readonly receipt: ErasureReceipt; readonly expected: Expected }[];
  /** Places of sessions of which something was found although they were erased. */
  readonly found: readonly string[];
  /** Chunks of others that were not found once in the files, or not once in the spool. */
  readonly missing: readonly string[];
  readonly kept: number;
  /** Those that were killed on the way, and how often the process had done nothing yet or was through. */
  readonly killed: number;
}

interface Expected {
  /** In the store of the process that erases, and in one that all share. */
  readonly entries: number;
  readonly allEntries: number;
  /** Those that the living processes have stored. */
  readonly storedEntries: number;
  readonly lines: number;
  readonly records: number;
  /** At most so many of the lines stood in no file yet. */
  readonly unwritten: number;
}

interface Told {
  readonly ready?: string;
  readonly stopped?: readonly number[];
  readonly counts?: readonly number[];
  readonly erased?: number;
  readonly receipt?: ErasureReceipt;
  readonly error?: string;
  readonly ended?: string;
}

const PER_TURN = 20;
/** With those that a process writes when it is told to stop. */
const LINES_PER_TURN = PER_TURN + 3;

const ODD = [
  'a',
  'ab',
  'a]b',
  'x] CHAT [a',
  '日本語',
  '__proto__',
  '../../etc',
  'é"',
  'b\\u005d',
  '{"session_id":"a"}',
  'z'.repeat(256),
];

class Writer {
  readonly process: ChildProcess;
  readonly #told: Told[] = [];
  #errors = '';

  constructor(options: object) {
    this.process = fork(
      fileURLToPath(new URL('../support/erase-child.mjs', import.meta.url)),
      [JSON.stringify(options)],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        execArgv: [],
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );
    this.process.on('message', (message) => this.#told.push(message as Told));
    this.process.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
  }

  /** The first message that this is true of; it is taken out. */
  async tells(isMeant: (told: Told) => boolean): Promise<Told> {
    await until(() => this.#told.some(isMeant) || this.process.exitCode !== null, 'the process tells it', 60_000);
    const at = this.#told.findIndex(isMeant);
    if (at === -1) throw new Error(`the process ended: ${this.#errors}`);
    return this.#told.splice(at, 1)[0] as Told;
  }

  async asks(message: object, isMeant: (told: Told) => boolean): Promise<Told> {
    this.process.send(message);
    return this.tells(isMeant);
  }

  async erase(at: number): Promise<ErasureReceipt> {
    const { receipt, error } = await this.asks({ erase: at }, ({ erased }) => erased === at);
    if (receipt === undefined) throw new Error(error);
    return receipt;
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const closed = once(this.process, 'close');
    this.process.kill('SIGKILL');
    await closed;
  }

  async end(): Promise<readonly number[]> {
    const { counts } = await this.asks({ end: true }, ({ ended }) => ended !== undefined);
    if (this.process.exitCode === null) await once(this.process, 'close');
    return counts as readonly number[];
  }
}

/** Two processes write to all sessions, and erase some of them meanwhile; a third is killed while it does. */
export async function show({ directory, sessions, erased, kills, random, redis }: ShowOptions): Promise<ShowResult> {
  const [logs, spool] = [join(directory, 'logs'), join(directory, 'spool')];
  const ids = Array.from({ length: sessions }, (_, at) => ODD[at] ?? `session ${at} ${random().toString(36).slice(2)}`);
  const options = { module: builtSource().url('index.js'), logs, spool, ids, perTurn: PER_TURN };
  const redisOptions =
    redis === undefined
      ? {}
      : { redis: { ...redis, module: builtSource().url('redis.js') }, clientModule: import.meta.resolve('redis') };
  const writers: Writer[] = [];
  const start = async (name: string, perTurn = PER_TURN): Promise<Writer> => {
    const writer = new Writer({ ...options, ...redisOptions, name, perTurn });
    writers.push(writer);
    await writer.tells(({ ready }) => ready !== undefined);
    return writer;
  };
  try {
    const dead = await start('dead', 200);
    await until(() => sizeOf(logs) > 100_000);
    await dead.kill();
    // What it did not write is not there: the rest is what its files hold.
    const ofDead = countsIn(linesOf(logs), 'dead', sessions);
    const yesterday = pastDays(logs, ids);
    const [one, two] = [await start('one'), await start('two')];
    const before = sizeOf(logs);
    await until(() => sizeOf(logs) > before + sessions * 400);
    const receipts: { at: number; receipt: ErasureReceipt; expected: Expected }[] = [];
    const places = shuffled(sessions, random).slice(0, erased);
    let killed = 0;
    for (const [turn, at] of places.entries()) {
      const stopping = (writer: Writer): Promise<Told> =>
        writer.asks({ stop: [at], isQuick: turn % 3 === 0 }, ({ stopped }) => stopped?.[0] === at);
      const counts = (await Promise.all([one, two].map(stopping))).map(({ counts: [count] = [] }) => count as number);
      const [ofOne, ofTwo] = counts as [number, number];
      if (turn < kills) {
        const third = await start(`third ${turn}`, 0);
        third.process.send({ erase: at });
        await new Promise((resolve) => setTimeout(resolve, random() * 60));
        await third.kill();
        killed += 1;
      }
      const expected = {
        entries: turn % 2 === 0 ? ofOne : ofTwo,
        allEntries: ofOne + ofTwo + (ofDead[at] ?? 0),
        storedEntries: ofOne + ofTwo,
        lines: ofOne + ofTwo + (ofDead[at] ?? 0) + yesterday,
        records: ofOne + ofTwo + (ofDead[at] ?? 0),
        unwritten: turn % 3 === 0 ? LINES_PER_TURN : 0,
      };
      receipts.push({ at, receipt: await (turn % 2 === 0 ? one : two).erase(at), expected });
    }
    const [allOfOne, allOfTwo] = [await one.end(), await two.end()];
    const gone = new Set(places);
    const written = { dead: ofDead, one: allOfOne, two: allOfTwo };
    return {
      receipts,
      killed,
      found: tracesBelow(directory, places, ids),
      ...(await missingOf(written, gone, logs, spool, ids, yesterday)),
    };
  } finally {
    for (const writer of writers) await writer.kill();
  }
}

/** A compressed file of yesterday, and one of the day before, with a line of each session; returns how many that is of each. */
function pastDays(logs: string, ids: readonly string[]): number {
  const [template] = linesOf(logs) as [string];
  const text = ids.map((id, at) => lineFor(template, id, at)).join('');
  const today = dayOf(new Date());
  writeFileSync(join(logs, `session-logs.${daysBefore(today, 1)}.log.gz`), gzipSync(text));
  writeFileSync(join(logs, `session-logs.${daysBefore(today, 2)}.log`), text);
  return 2;
}

/** A line as it is written for the session. */
function lineFor(template: string, id: string, at: number): string {
  const escaped = id.replace(/[\\\]]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const head = template.slice(0, template.indexOf('['));
  return `${head}[${escaped}] secret-${at}-past-1; {"otel.scope.name":"past"}\n`;
}

function linesOf(logs: string): string[] {
  return readdirSync(logs)
    .filter((name) => name.startsWith('session-logs'))
    .flatMap((name) => {
      const bytes = readFileSync(join(logs, name));
      return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').slice(0, -1);
    });
}

function countsIn(lines: readonly string[], name: string, sessions: number): number[] {
  const counts = Array.from({ length: sessions }, () => 0);
  for (const line of lines) {
    const found = new RegExp(`secret-(\\d+)-${name}-\\d+;`).exec(line);
    if (found !== null) counts[Number(found[1])] = (counts[Number(found[1])] ?? 0) + 1;
  }
  return counts;
}

function sizeOf(logs: string): number {
  try {
    return readdirSync(logs).reduce((sum, name) => sum + statSync(join(logs, name)).size, 0);
  } catch {
    return 0;
  }
}

/** What `grep -r` would find, also in compressed files. */
function tracesBelow(directory: string, places: readonly number[], ids: readonly string[]): string[] {
  const found: string[] = [];
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    const texts = name.endsWith('.gz') ? [bytes, gunzipSync(bytes)] : [bytes];
    for (const at of places) {
      const id = ids[at] as string;
      const isTelling = id.startsWith('session ');
      if (texts.some((text) => text.includes(`secret-${at}-`) || (isTelling && text.includes(id))))
        found.push(`${name}: ${id}`);
    }
  }
  return found;
}

async function missingOf(
  written: Readonly<Record<string, readonly number[]>>,
  gone: ReadonlySet<number>,
  logs: string,
  spool: string,
  ids: readonly string[],
  past: number,
): Promise<{ missing: string[]; kept: number }> {
  const inFiles = new Map<string, number>();
  const missing: string[] = [];
  for (const line of linesOf(logs)) {
    const read = readLine(line);
    if (read === undefined) missing.push(`a line that cannot be read: ${line.slice(0, 80)}`);
    const text = /secret-(\d+)-[^;]*;/.exec(line);
    if (text === null) continue;
    if (read?.sessionId !== ids[Number(text[1])]) missing.push(`a line of another session: ${line.slice(0, 80)}`);
    inFiles.set(text[0], (inFiles.get(text[0]) ?? 0) + 1);
  }
  const inSpool = new Map<string, number>();
  for await (const records of readSpool(spool, new OwnerWatch(spool), 'pending')) {
    for (const { body } of records) {
      const text = /secret-\d+-[^;]*;/.exec(String(body))?.[0];
      if (text !== undefined) inSpool.set(text, (inSpool.get(text) ?? 0) + 1);
    }
  }
  let kept = 0;
  for (const [name, counts] of Object.entries(written)) {
    for (const [at, count] of counts.entries()) {
      if (gone.has(at)) continue;
      for (let n = 1; n <= count; n += 1) {
        kept += 1;
        const text = `secret-${at}-${name}-${n};`;
        if (inFiles.get(text) !== 1) missing.push(`${text} ${inFiles.get(text) ?? 0} times in the files`);
        if (inSpool.get(text) !== 1) missing.push(`${text} ${inSpool.get(text) ?? 0} times in the spool`);
      }
    }
  }
  for (const at of ids.keys()) {
    if (gone.has(at)) continue;
    if (inFiles.get(`secret-${at}-past-1;`) !== past) missing.push(`what session ${at} wrote on past days`);
  }
  return { missing, kept };
}

function shuffled(count: number, random: () => number): number[] {
  return Array.from({ length: count }, (_, at) => at)
    .map((at) => ({ at, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ at }) => at);
}

/** What has to hold of every show. */
export function expectNoTrace(
  { receipts, found, missing, kept, killed }: ShowResult,
  { kills, erased, sessions }: ShowOptions,
): void {
  expect(found).toEqual([]);
  expect(missing.slice(0, 10)).toEqual([]);
  expect(kept).toBeGreaterThan(sessions);
  expect(killed).toBe(kills);
  expect(receipts).toHaveLength(erased);
  for (const [turn, { receipt, expected }] of receipts.entries()) {
    expect(receipt).toMatchObject({ otherProcesses: 0, unanswered: 0, dead: { records: 0 }, exported: { records: 0 } });
    expect(receipt.file.lines).toBeLessThanOrEqual(expected.lines);
    expect(receipt.spool.records).toBeLessThanOrEqual(expected.records);
    // What a killed process had removed by then, only its own receipt would have told.
    if (turn < kills) continue;
    expect(receipt.spool.records).toBe(expected.records);
    expect(receipt.file.lines).toBeGreaterThanOrEqual(expected.lines - expected.unwritten);
  }
}
