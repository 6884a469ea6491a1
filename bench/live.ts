/** Row 2: chunks written through a provider and read as they come. */
import { LoggerProvider } from '@opentelemetry/sdk-logs';

import { startInProvider } from './build.ts';
import { HandWrittenLogs } from './hand-written.ts';
import { afterCollection, cpuNanos, full, keep, median, nextTurn } from './harness.ts';
import type { Build } from './build.ts';
import type { Row, Sample } from './harness.ts';
import { freshText } from './texts.ts';

const CHUNKS = full(200_000);
const PER_TURN = 500;
const ROUNDS = full(7);
const TARGETS: Readonly<Record<number, number>> = { 1: 800_000, 1_000: 600_000, 10_000: 320_000 };
/** The original in Python with pydantic 2.14. */
const ORIGINAL: Readonly<Record<number, string>> = { 1: '55,700', 1_000: '72,200', 10_000: '50,300' };

interface Subject {
  write(text: string, id: string): void;
  follow(id: string): AsyncIterable<string>;
  end(id: string): void;
  shutdown(): Promise<void>;
}

async function ours(build: Build): Promise<Subject> {
  const { sessions } = await startInProvider(build);
  return {
    write: (text, id) => void sessions.logChunkToQueue(text, id),
    follow: (id) => sessions.getSessionLogs(id),
    end: (id) => sessions.endSession(id),
    shutdown: () => sessions.shutdown(),
  };
}

async function handWritten(): Promise<Subject> {
  const logs = new HandWrittenLogs();
  const provider = new LoggerProvider({ processors: [logs] });
  const logger = provider.getLogger('bench');
  return {
    write: (body, id) => logger.emit({ body, attributes: { 'session.id': id } }),
    follow: (id) => logs.follow(id),
    end: (id) => logs.end(id),
    shutdown: () => provider.shutdown(),
  };
}

/** The sessions and their readers, and a way to write into them that returns when all is read. */
class Chat {
  readonly #subject: Subject;
  readonly #ids: readonly string[];
  readonly #readers: readonly Promise<void>[];
  #read = 0;

  constructor(subject: Subject, sessions: number) {
    this.#subject = subject;
    this.#ids = Array.from({ length: sessions }, (_, n) => `session-${n}`);
    this.#readers = this.#ids.map((id) => this.#follow(id));
  }

  async #follow(id: string): Promise<void> {
    for await (const _ of this.#subject.follow(id)) this.#read += 1;
  }

  async write(chunks: number): Promise<void> {
    const expected = this.#read + chunks;
    for (let n = 0; n < chunks; n += 1) {
      this.#subject.write(freshText(n), this.#ids[(n * 7919) % this.#ids.length] as string);
      if (n % PER_TURN === PER_TURN - 1) await nextTurn();
    }
    await nextTurn();
    if (this.#read !== expected) throw new Error(`read ${this.#read} of ${expected}`);
  }

  async end(): Promise<void> {
    for (const id of this.#ids) this.#subject.end(id);
    await Promise.all(this.#readers);
    await this.#subject.shutdown();
  }
}

/** Chunks per second of CPU time, and of the clock. */
async function throughput(make: () => Promise<Subject>, sessions: number): Promise<Sample> {
  const kept = new Chat(await make(), 1);
  await kept.write(2);
  keep(kept);
  const perCpuSecond: number[] = [];
  const perSecond: number[] = [];
  for (let round = -2; round < ROUNDS; round += 1) {
    const chat = new Chat(await make(), sessions);
    await afterCollection(() => chat.write(Math.max(sessions, full(5_000))));
    const [began, cpu] = [performance.now(), cpuNanos()];
    await chat.write(CHUNKS);
    if (round >= 0) {
      perCpuSecond.push((CHUNKS / (cpuNanos() - cpu)) * 1e9);
      perSecond.push((CHUNKS / (performance.now() - began)) * 1e3);
    }
    await chat.end();
  }
  return { figure: median(perCpuSecond), also: median(perSecond) };
}

export const rows: readonly Row[] = [1, 1_000, 10_000].map((sessions) => ({
  row: 2,
  what: `chunks written and read live through a provider per CPU-second, ${sessions.toLocaleString('en')} sessions with a reader each`,
  unit: '/s',
  ours: (build) => throughput(() => ours(build), sessions),
  also: 'a second of the clock',
  peers: { 'hand-written': () => throughput(handWritten, sessions) },
  quoted: `the Python original ${ORIGINAL[sessions]}`,
  target: { of: 'figure', atLeast: TARGETS[sessions] as number },
}));
