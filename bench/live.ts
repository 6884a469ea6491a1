/** Row 2: chunks written through a provider and read as they come. */

import { startInProvider } from './build.ts';
import { HandWrittenLogs } from './hand-written.ts';
import { afterCollection, cpuNanos, full, keep, median, nextTurn, sessionsInWords } from './harness.ts';
import type { Build } from './build.ts';
import type { Row, Sample } from './harness.ts';
import { providerOf } from './provider.ts';
import { freshText } from './texts.ts';

const CHUNKS = full(200_000);
const PER_TURN = 500;
const ROUNDS = full(7);
const TARGETS: Readonly<Record<number, number>> = { 1: 800_000, 1_000: 600_000, 10_000: 320_000 };
/** The original in Python with pydantic 2.14. */
const ORIGINAL: Readonly<Record<number, string>> = { 1: '55,700', 1_000: '72,200', 10_000: '50,300' };

interface Subject {
  write(text: string, id: string): void;
  read(id: string): AsyncIterable<string>;
  /** Ends and deletes sessions; their readers end. */
  leave(ids: readonly string[]): Promise<void>;
}

async function ours(build: Build): Promise<Subject> {
  const { sessions } = await startInProvider(build);
  return {
    write: (text, id) => void sessions.logChunkToQueue(text, id),
    read: (id) => sessions.getSessionLogs(id),
    async leave(ids) {
      for (const id of ids) sessions.endSession(id);
      await nextTurn();
      for (const id of ids) sessions.deleteSession(id);
    },
  };
}

function handWritten(): Subject {
  const logs = new HandWrittenLogs();
  const logger = providerOf(logs).getLogger('bench');
  return {
    write: (body, id) => logger.emit({ body, attributes: { 'session.id': id } }),
    read: (id) => logs.follow(id),
    async leave(ids) {
      for (const id of ids) logs.end(id);
    },
  };
}

/** Sessions, each with a reader, and a way to write into them that returns when all is read. */
class Chat {
  readonly #subject: Subject;
  readonly #ids: readonly string[];
  readonly #readers: readonly Promise<void>[];
  #read = 0;

  constructor(subject: Subject, ids: readonly string[]) {
    this.#subject = subject;
    this.#ids = ids;
    this.#readers = ids.map((id) => this.#follow(id));
  }

  async #follow(id: string): Promise<void> {
    for await (const _ of this.#subject.read(id)) this.#read += 1;
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
    await this.#subject.leave(this.#ids);
    await Promise.all(this.#readers);
  }
}

/** Chunks per second of CPU time, and of the clock. */
async function throughput(subject: Subject, sessions: number): Promise<Sample> {
  const kept = new Chat(subject, ['kept']);
  await kept.write(2);
  keep(kept);
  const perCpuSecond: number[] = [];
  const perSecond: number[] = [];
  for (let round = -2; round < ROUNDS; round += 1) {
    const chat = new Chat(
      subject,
      Array.from({ length: sessions }, (_, n) => `session-${round}-${n}`),
    );
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
  what: `chunks written and read live through a provider per CPU-second, ${sessionsInWords(sessions)} with a reader each`,
  unit: '/s',
  ours: async (build) => throughput(await ours(build), sessions),
  also: 'a second of the clock',
  peers: { 'hand-written': () => throughput(handWritten(), sessions) },
  quoted: `the Python original ${ORIGINAL[sessions]}`,
  target: { of: 'figure', atLeast: TARGETS[sessions] as number },
}));
