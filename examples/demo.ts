/**
 * The main job, end to end: documents are streamed as concurrent sessions token by token, read live, written to the daily
 * file, shipped over OTLP/HTTP, and compared at the end.
 *
 *   npm run demo                      the repository's own documents
 *   npm run demo -- FILE...           others
 *   npm run demo -- --fast            without the pace of a model
 *   npm run demo -- --lose 100        the receiver loses every 100th record: see the comparison fail
 *
 * Ships to OTEL_EXPORTER_OTLP_ENDPOINT when it is set, else to a small receiver of its own on 127.0.0.1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

import { startSessionLogs, STREAM_END_TOKEN, STREAM_START_TOKEN } from 'otel-session-logs';
import type { SessionLogs } from 'otel-session-logs';

import { atPace, piecesOf } from './demo/pieces.ts';
import { startReceiver } from './demo/receiver.ts';
import type { Receiver } from './demo/receiver.ts';
import { openScreen, titleOf } from './demo/screen.ts';
import type { Pane, Screen } from './demo/screen.ts';

const DOCUMENTS = ['README.md', 'LICENSE', 'CHANGELOG.md', 'src/read/reader.ts'];
const PACE_MILLIS = 8_000;
const TAIL_CHARACTERS = 2_000;

/** One document on its way, and what became of it. */
interface Journey {
  readonly sessionId: string;
  readonly text: string;
  readonly pane: Pane;
  logged: number;
  read: number;
  readText: string;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { fast: { type: 'boolean', default: false }, lose: { type: 'string', default: '0' } },
});
const files = positionals.length > 0 ? positionals : DOCUMENTS.map((name) => join(import.meta.dirname, '..', name));

const hasEndpoint = Boolean(
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? process.env['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'],
);
// Our own receiver reads JSON.
if (!hasEndpoint) process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
const receiver = hasEndpoint ? undefined : await startReceiver(Number(flags.lose));
const sessions = await startSessionLogs({ endpoint: receiver?.url, streamHandler: false, console: false });
const directory = process.env['LOGS_PATH'] || 'logs';

const run = Date.now().toString(36);
const journeys = files.map((file, index) => plan(file, index));
const screen = openScreen(
  journeys.map(({ pane }) => pane),
  process.stdout,
);

const begin = performance.now();
await Promise.all(journeys.flatMap((journey) => [stream(sessions, journey), follow(sessions, journey, screen)]));
screen.close();
const streamed = performance.now() - begin;
// Rejects when the collector did not take everything.
const undelivered = await sessions.forceFlush().then(
  () => undefined,
  (error: unknown) => error,
);
await sessions.shutdown().catch(() => undefined);
process.exitCode = report(journeys, receiver, streamed) ? 0 : 1;
await receiver?.close();

function plan(file: string, index: number): Journey {
  const text = readFileSync(file, 'utf8');
  const pane: Pane = {
    title: titleOf(basename(file)),
    read: 0,
    total: text.length,
    chunks: 0,
    tail: '',
    isDone: false,
  };
  return { sessionId: `${basename(file)} ${index + 1} ${run}`, text, pane, logged: 0, read: 0, readText: '' };
}

/** The producer: what a model's loop would do. */
async function stream(target: SessionLogs, journey: Journey): Promise<void> {
  const log = async (chunk: string, kind?: 'text'): Promise<void> => {
    await target.logChunkToQueue(chunk, journey.sessionId, kind === undefined ? undefined : { kind });
    journey.logged += 1;
  };
  await log(STREAM_START_TOKEN);
  for await (const pieces of atPace(piecesOf(journey.text), flags.fast ? 0 : PACE_MILLIS)) {
    for (const piece of pieces) await log(piece, 'text');
  }
  await log(STREAM_END_TOKEN);
  target.endSession(journey.sessionId);
}

/** A reader: what a browser's request would do. */
async function follow(source: SessionLogs, journey: Journey, view: Screen): Promise<void> {
  for await (const entry of source.followSession(journey.sessionId)) {
    journey.read += 1;
    if (entry.kind !== 'text') continue;
    journey.readText += entry.message;
    const { pane } = journey;
    pane.read = journey.readText.length;
    pane.chunks = journey.read;
    pane.tail = (pane.tail + entry.message).slice(-TAIL_CHARACTERS);
    view.draw();
  }
  journey.pane.isDone = true;
  view.draw();
}

/** Prints the table; `false` when anything differs. */
function report(all: readonly Journey[], own: Receiver | undefined, millis: number): boolean {
  const lines = linesPerSession(all);
  let isRight = true;
  const rows = all.map((journey) => {
    const inFile = lines.get(journey.sessionId) ?? 0;
    const received = own?.of(journey.sessionId);
    const isSame =
      journey.readText === journey.text &&
      journey.read === journey.logged &&
      inFile === journey.logged &&
      (received === undefined
        ? undelivered === undefined
        : received.records === journey.logged && received.text === journey.text);
    isRight &&= isSame;
    return [
      journey.pane.title,
      String(journey.logged),
      String(journey.read),
      String(inFile),
      received === undefined ? (undelivered === undefined ? 'acknowledged' : 'refused') : String(received.records),
      isSame ? 'equal' : 'DIFFERS',
    ];
  });
  const header = [
    'session',
    'logged',
    'read live',
    'in the file',
    own === undefined ? 'collector' : 'received',
    'text',
  ];
  console.log(`\n${table([header, ...rows])}\n`);
  const chunks = all.reduce((sum, { logged }) => sum + logged, 0);
  const target = own === undefined ? 'the configured endpoint' : 'a receiver of its own on 127.0.0.1';
  console.log(
    `${chunks} chunks of ${all.length} sessions in ${(millis / 1000).toFixed(1)} s, to ${directory}/ and to ${target}.`,
  );
  if (undelivered instanceof Error) console.log(`The export failed: ${undelivered.message}`);
  console.log(isRight ? 'Everything arrived, everywhere, once.' : 'Something differs: see the table.');
  return isRight;
}

function linesPerSession(all: readonly Journey[]): Map<string, number> {
  const counts = new Map(all.map(({ sessionId }) => [sessionId, 0]));
  for (const name of readdirSync(directory)) {
    if (!name.startsWith('session-logs.') || !name.endsWith('.log')) continue;
    for (const line of readFileSync(join(directory, name), 'utf8').split('\n')) {
      const sessionId = /^\S+ CHAT \[(.*? [0-9a-z]+)\] /.exec(line)?.[1];
      const count = sessionId === undefined ? undefined : counts.get(sessionId);
      if (sessionId !== undefined && count !== undefined) counts.set(sessionId, count + 1);
    }
  }
  return counts;
}

function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('   ');
  const [header = [], ...rest] = rows;
  return [line(header), '─'.repeat(line(header).length), ...rest.map(line)].join('\n');
}
