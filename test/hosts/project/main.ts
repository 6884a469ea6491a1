/**
 * What a user's program does, compiled and run in a host project on every Node version: chunks and logs of three
 * sessions through a provider of the host's own, then through `startSessionLogs`.
 *
 * Prints one JSON object: what was emitted, in order, and what was read back live. The parent process has the receivers
 * and compares.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { SessionLogs, startSessionLogs } from 'otel-session-logs';
import type { LogEntry } from 'otel-session-logs';

interface Emitted {
  readonly sessionId?: string;
  readonly body: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

type Read = Pick<LogEntry, 'sessionId' | 'message' | 'kind' | 'logType'>;

const SESSIONS = ['alpha', 'beta/2 ✓', '__proto__'];
const ANSWER = ['Grüße, ', '世界 ', '👩‍👩‍👧 ', 'line\nbreak ', '', '</end> is text here'];

/** Emits all there is to emit, and remembers what an exporter has to get. */
class Emitter {
  readonly emitted: Emitted[] = [];
  readonly #sessions: SessionLogs;
  readonly #read: ReadonlyMap<string, readonly Read[]>;

  constructor(sessions: SessionLogs, read: ReadonlyMap<string, readonly Read[]>) {
    this.#sessions = sessions;
    this.#read = read;
  }

  async run(): Promise<void> {
    await Promise.all(SESSIONS.map((sessionId) => this.#answer(sessionId)));
    this.#note({ body: 'no session', severityNumber: 9, severityText: 'INFO' });
    this.#sessions.logger.info('no session');
  }

  async #answer(sessionId: string): Promise<void> {
    this.#note({ sessionId, body: '<start>', eventName: 'session_logs.stream_start' });
    await this.#sessions.logChunkToQueue('<start>', sessionId);
    for (const [index, body] of ANSWER.entries()) {
      const attributes = { index, ratio: 0.5, last: index === ANSWER.length - 1, tags: ['a', 'b'] };
      this.#note({ sessionId, body, attributes });
      await this.#sessions.logChunkToQueue(body, sessionId, { kind: 'text', attributes });
      // The sessions take turns, so that records of all three lie between each other.
      await turn();
      const seen = this.#read.get(sessionId)?.at(-1)?.message;
      if (seen !== body) throw new Error(`${sessionId}: read ${seen} live, not ${body}`);
    }
    const attributes = { 'gen_ai.request.model': 'm-1', millis: 1250 };
    this.#note({ sessionId, body: 'slow model', attributes, severityNumber: 13, severityText: 'WARN' });
    this.#sessions.withSession(sessionId, () => this.#sessions.logger.warn('slow model', attributes));
    this.#note({ sessionId, body: '</end>', eventName: 'session_logs.stream_end' });
    await this.#sessions.session(sessionId).mark('stream-end');
  }

  #note(emitted: Partial<Emitted> & { readonly body: string }): void {
    this.emitted.push({ severityNumber: 0, severityText: '', eventName: '', attributes: {}, ...emitted });
  }
}

/** Follows each session from before its first entry to its end, while all is emitted. */
async function emitAndRead(sessions: SessionLogs): Promise<{ emitted: Emitted[]; read: Read[][] }> {
  const read = new Map<string, Read[]>(SESSIONS.map((sessionId) => [sessionId, []]));
  const readers = SESSIONS.map(async (sessionId) => {
    for await (const { message, kind, logType, sessionId: owner } of sessions.followSession(sessionId)) {
      read.get(sessionId)?.push({ sessionId: owner, message, kind, logType });
    }
  });
  const emitter = new Emitter(sessions, read);
  await emitter.run();
  for (const sessionId of SESSIONS) sessions.endSession(sessionId);
  await Promise.all(readers);
  return { emitted: emitter.emitted, read: [...read.values()] };
}

async function throughOwnProvider(url: string): Promise<object> {
  const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
  const exporter = new OTLPLogExporter({ url: `${url}/v1/logs` });
  const provider: LoggerProvider = new LoggerProvider({
    processors: [sessions.processor, new BatchLogRecordProcessor({ exporter })],
  });
  const result = await emitAndRead(sessions);
  await provider.forceFlush();
  await provider.shutdown();
  return { ...result, lost: sessions.stats().lost };
}

async function throughStart(endpoint: string, directory: string): Promise<object> {
  await using sessions = await startSessionLogs({ endpoint, streamHandler: false, console: false });
  const result = await emitAndRead(sessions);
  await sessions.forceFlush();
  const files = readdirSync(directory).filter((name) => name.endsWith('.log'));
  const lines = files.flatMap((name) => readFileSync(`${directory}/${name}`, 'utf8').trimEnd().split('\n'));
  return { ...result, lines, lost: sessions.stats().lost };
}

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const own = await throughOwnProvider(environment('OWN_RECEIVER'));
const started = await throughStart(environment('STARTED_RECEIVER'), environment('LOGS_PATH'));
process.stdout.write(JSON.stringify({ node: process.version, own, started }));
