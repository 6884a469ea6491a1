import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { SessionLogs } from '../../../src/index.ts';
import type { LogEntry, SessionReader } from '../../../src/index.ts';
import type { RedisSessionStore } from '../../../src/redis.ts';

/** What became of the entries logged, over all sessions. */
export interface Tally {
  logged: number;
  read: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** What readers were told they missed. */
  missed: number;
  resumes: number;
  /** Readers that did not come to the end. */
  stuck: number;
}

export interface LoadOptions {
  readonly sessions: number;
  readonly perSecond: number;
  readonly millis: number;
  /** A reader leaves after an entry with this probability and another resumes by its cursor. */
  readonly resumeChance?: number;
}

/** Logs numbered entries at a steady rate; its clock is the wall clock, so that a stall is made up for. */
async function produce(store: RedisSessionStore, run: string, options: LoadOptions): Promise<number[]> {
  const { sessions, perSecond, millis } = options;
  const counts = Array.from({ length: sessions }, () => 0);
  const begin = performance.now();
  let logged = 0;
  for (;;) {
    const elapsed = Math.min(performance.now() - begin, millis);
    const due = Math.floor((elapsed / 1000) * perSecond);
    for (; logged < due; logged += 1) {
      const session = logged % sessions;
      const count = counts[session] as number;
      // A refused entry is counted by the store; its number is used up all the same.
      store.append(`${run}-${session}`, String(count), Date.now(), undefined);
      counts[session] = count + 1;
    }
    if (elapsed >= millis) return counts;
    await sleep(5);
  }
}

/** Follows one session until its end, with resumes at random places. */
async function follow(
  logs: SessionLogs,
  sessionId: string,
  resumeChance: number,
  numbers: number[],
  tally: Tally,
  open: Set<SessionReader<LogEntry>>,
): Promise<void> {
  let lastId: string | undefined;
  for (;;) {
    const reader = logs.followSession(sessionId, {
      from: lastId === undefined ? 'start' : { after: lastId },
      // Resumed after the last entry of an ended session it would wait for the next life.
      wait: lastId === undefined,
      onGap: () => {},
    });
    open.add(reader);
    let isResuming = false;
    for await (const entry of reader) {
      numbers.push(Number(entry.message));
      lastId = entry.id;
      if (Math.random() < resumeChance) {
        isResuming = true;
        break;
      }
    }
    open.delete(reader);
    if (reader.missed !== 0) tally.missed += reader.missed;
    if (!isResuming) return;
    tally.resumes += 1;
  }
}

/** Readers on one host while another logs and `disturb` does its worst; what it came to. */
export async function runLoad(
  writing: RedisSessionStore,
  reading: RedisSessionStore,
  options: LoadOptions,
  disturb: () => Promise<void> = () => Promise.resolve(),
): Promise<Tally> {
  const run = randomUUID();
  const logs = new SessionLogs({ store: reading });
  const tally: Tally = { logged: 0, read: 0, lost: 0, duplicated: 0, reordered: 0, missed: 0, resumes: 0, stuck: 0 };
  const read = Array.from({ length: options.sessions }, (): number[] => []);
  const open = new Set<SessionReader<LogEntry>>();
  const following = read.map((numbers, index) =>
    follow(logs, `${run}-${index}`, options.resumeChance ?? 0, numbers, tally, open),
  );
  await sleep(300);
  const [counts] = await Promise.all([produce(writing, run, options), disturb()]);
  await writing.flush(30_000);
  for (let index = 0; index < options.sessions; index += 1) writing.end(`${run}-${index}`);
  await writing.flush(30_000);
  const timer = setTimeout(() => {
    tally.stuck = open.size;
    for (const reader of open) void reader.return();
  }, 20_000);
  await Promise.all(following);
  clearTimeout(timer);
  counts.forEach((count, session) => {
    const numbers = read[session] as number[];
    const seen = new Set<number>();
    let last = -1;
    for (const number of numbers) {
      if (seen.has(number)) tally.duplicated += 1;
      else if (number < last) tally.reordered += 1;
      seen.add(number);
      last = Math.max(last, number);
    }
    tally.logged += count;
    tally.read += numbers.length;
    tally.lost += count - seen.size;
  });
  return tally;
}
