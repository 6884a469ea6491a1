/**
 * What the package is for, in 15 seconds: a model's answer streams into a session. The page that reads it loses its
 * connection and comes back without a gap, the collector goes away and loses nothing, and the operator's logs stand beside
 * the answer, where the user does not see them. At the end, every place is compared with what was written.
 *
 *   npm run demo                      an answer about lost answers
 *   npm run demo -- FILE              the text of a file, as an answer
 *   npm run demo -- --fast            in a few seconds
 *   npm run demo -- --lose 100        the collector loses every 100th record: see the comparison fail
 *
 * It needs no server and no account: the collector is a small one of its own on 127.0.0.1.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startSessionLogs, STREAM_END_TOKEN, STREAM_START_TOKEN } from 'otel-session-logs';

import { Collector } from './demo/collector.ts';
import { comparison, isSame, messagesInFiles } from './demo/comparison.ts';
import { Ledger } from './demo/ledger.ts';
import { model } from './demo/model.ts';
import { Page } from './demo/page.ts';
import { openScreen } from './demo/screen.ts';
import { beginning, ending } from './demo/terminal-text.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { fast: { type: 'boolean', default: false }, lose: { type: 'string', default: '0' } },
});
if (!/^\d+$/.test(flags.lose)) throw new TypeError(`--lose: expected a whole number, got '${flags.lose}'`);
const answer = readFileSync(positionals[0] ?? join(import.meta.dirname, 'demo/answer.txt'), 'utf8');
const directory = process.env['LOGS_PATH'] || 'logs';
const spool = join(directory, 'spool');
const sessionId = `demo-${Date.now().toString(36)}`;

// Whatever this shell exports to: the demo has a collector of its own, which reads JSON.
for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
mkdirSync(directory, { recursive: true, mode: 0o700 });

const ledger = new Ledger();
const collector = new Collector(sessionId, Number(flags.lose), () => onRecords());
await collector.listen();
const sessions = await startSessionLogs({
  endpoint: collector.url,
  directory,
  file: { fileName: 'demo-{date}.jsonl', format: 'json' },
  spool: { directory: spool, scheduledDelayMillis: 100, recordUid: true },
  streamHandler: false,
  console: false,
});

const page = new Page(sessions, sessionId, () => screen.draw());
const operatorLogs: string[] = [];
const screen = openScreen(
  {
    get user() {
      return { text: page.text, isConnected: page.isConnected, behind: ledger.forUser.length - page.messages.length };
    },
    operator: operatorLogs,
    get collector() {
      return { arrived: collector.arrived, written: ledger.all.length, isAway: collector.isAway };
    },
  },
  process.stdout,
);

// The story. The model writes on, whatever happens to those who read.
const acts = [
  { at: 0.02, run: () => logAsOperator('info', '3 documents found for the question') },
  { at: 0.22, run: cutPage },
  { at: 0.32, run: loseCollector },
  { at: 0.42, run: () => logAsOperator('warn', 'the model pauses between two words') },
  { at: 0.58, run: connectPage },
  { at: 0.7, run: findCollector },
  { at: 0.92, run: () => logAsOperator('info', 'the answer passed the content filter') },
];
const outage = { isOver: true, from: 0, millis: 0, written: 0, missed: 0 };
page.connect();
const operator = readAsOperator();
screen.tell('model', 'begins to answer, piece by piece');
ledger.note(STREAM_START_TOKEN);
await sessions.consume(sessionId, ledger.noted(model(answer, flags.fast ? 1_500 : 12_000, acts)));
ledger.note(STREAM_END_TOKEN);
sessions.endSession(sessionId);
await page.end();
screen.tell('model', 'has answered');
// Rejects when the collector did not take everything.
await sessions.forceFlush().catch((error: unknown) => screen.tell('collector', String(error)));
screen.close();
await sessions.shutdown().catch(() => undefined);
await collector.goAway();
report(await operator);

/** What any logger with OpenTelemetry would do in a request of this session. */
function logAsOperator(level: 'info' | 'warn', message: string): void {
  ledger.noteLog(message);
  operatorLogs.push(`${level.toUpperCase()}  ${message}`);
  sessions.withSession(sessionId, () => sessions.logger[level](message));
  screen.tell('operator', `${level.toUpperCase()} ${message}`);
}

async function readAsOperator(): Promise<string[]> {
  const messages: string[] = [];
  for await (const { message } of sessions.followSession(sessionId)) messages.push(message);
  return messages;
}

async function cutPage(): Promise<void> {
  await page.cut();
  screen.tell('user', `loses the connection, after "${ending(page.text)}"`);
}

async function connectPage(): Promise<void> {
  const had = page.text.length;
  const lacks = ledger.forUser.length - page.messages.length;
  page.connect();
  await page.has(ledger.forUser.length);
  const came = page.text.slice(had);
  screen.tell('user', `asks for what came after its last entry, and gets ${lacks} pieces: "${beginning(came)}"`);
}

async function loseCollector(): Promise<void> {
  await collector.goAway();
  outage.from = performance.now();
  outage.written = ledger.all.length;
  screen.tell('collector', `goes away, with ${collector.arrived} records`);
}

async function findCollector(): Promise<void> {
  await collector.listen();
  outage.millis = performance.now() - outage.from;
  outage.missed = ledger.all.length - outage.written;
  outage.isOver = false;
  const waiting = ledger.all.length - collector.arrived;
  screen.tell('collector', `is back; ${waiting} records wait on the disk`);
}

/** Tells when it has all that was written while it was away. */
function onRecords(): void {
  screen.draw();
  if (outage.isOver || collector.arrived < outage.written + outage.missed) return;
  outage.isOver = true;
  const age = (collector.oldestMillis / 1000).toFixed(1);
  screen.tell('collector', `has them all, in order; the oldest was written ${age} s before`);
}

/** Prints the comparison. The exit code tells whether all is there. */
function report(operatorSaw: readonly string[]): void {
  const { all, forUser } = ledger;
  const places = [
    { name: 'user, cut off once', written: forUser, there: page.messages },
    { name: 'operator', written: all, there: operatorSaw },
    { name: 'daily file', written: all, there: messagesInFiles(directory, 'demo-', sessionId) },
    {
      name: `collector, away ${(outage.millis / 1000).toFixed(1)} s`,
      written: all,
      there: collector.messages,
    },
  ];
  const isRight = places.every(isSame);
  const lines = [
    '',
    ...comparison(places),
    '',
    isRight
      ? ' Everything is everywhere once. The operator has ' +
        `${all.length - forUser.length} logs\n that the user never sees.`
      : ' Something differs: see the table.',
    '',
    ' Look next',
    `   ${directory}/demo-*.jsonl`,
    '     the daily file, a record a line',
    `   npm run dev -- ${directory}`,
    '     a page with this session, and others while they run',
    '   docs/examples.md',
    '     what to try next, each with its command',
  ];
  console.log(lines.join('\n'));
  process.exitCode = isRight ? 0 : 1;
}
