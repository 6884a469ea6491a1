/**
 * Row 15: a session's whole life: its entries are written, read, the session is ended and deleted. What a store saves by
 * not freeing, or by freeing later, is paid in here.
 */
import type { Logger } from '@opentelemetry/api-logs';

import { startInProvider } from './build.ts';
import type { Build } from './build.ts';
import { HandWrittenLogs } from './hand-written.ts';
import { afterCollection, costOf, full, keep, pair, sessionsInWords } from './harness.ts';
import type { Row, Sample } from './harness.ts';
import { providerOf } from './provider.ts';
import { freshText } from './texts.ts';

/** Lives in one measured round, so that most of what one leaves behind is collected within it. */
const LIVES = 3;

/** Where the entries of a life go, and how they leave it. */
interface Subject {
  readonly logger: Logger;
  read(id: string): AsyncIterable<string>;
  /** Ends and deletes the session. */
  leave(id: string): void;
}

interface Size {
  readonly sessions: number;
  readonly entries: number;
}

async function ours(build: Build): Promise<Subject> {
  const { sessions, provider } = await startInProvider(build);
  const options = { logType: 'all', until: 'caught-up' } as const;
  return {
    logger: provider.getLogger('bench'),
    read: (id) => sessions.getSessionLogs(id, options),
    leave(id) {
      sessions.endSession(id);
      sessions.deleteSession(id);
    },
  };
}

function handWritten(): Subject {
  const logs = new HandWrittenLogs();
  return {
    logger: providerOf(logs).getLogger('bench'),
    read(id) {
      const queue = logs.follow(id);
      logs.end(id);
      return queue;
    },
    leave() {},
  };
}

function emitAll(logger: Logger, ids: readonly string[], entries: number): void {
  for (let n = 0; n < entries; n += 1) {
    for (const [at, id] of ids.entries()) {
      logger.emit({ body: freshText(n + at), attributes: { 'session.id': id } });
    }
  }
}

async function live(subject: Subject, ids: readonly string[], entries: number): Promise<void> {
  emitAll(subject.logger, ids, entries);
  for (const id of ids) {
    let read = 0;
    for await (const _ of subject.read(id)) read += 1;
    if (read !== entries) throw new Error(`${id}: read ${read} of ${entries}`);
    subject.leave(id);
  }
}

async function keepSome(subject: Subject): Promise<void> {
  const record = { body: freshText(0), attributes: { 'session.id': 'kept' } };
  for (let n = 0; n < 2; n += 1) subject.logger.emit(record);
  const reader = subject.read('kept')[Symbol.asyncIterator]();
  keep(record, reader, await reader.next());
}

/** Nanoseconds of an entry, and of the SDK alone, which has nothing to read. */
async function besideSdk(subject: Subject, { sessions, entries }: Size): Promise<Sample> {
  let lives = 0;
  const nextIds = (): string[] => {
    lives += 1;
    return Array.from({ length: sessions }, (_, n) => `session-${lives}-${n}`);
  };
  const round = async (liveOnce: (ids: readonly string[]) => void | Promise<void>): Promise<number> => {
    const idsOfLives = Array.from({ length: LIVES }, nextIds);
    await afterCollection(() => liveOnce(nextIds()));
    return costOf(LIVES * sessions * entries, async () => {
      for (const ids of idsOfLives) await liveOnce(ids);
    });
  };
  const sdkAlone = providerOf().getLogger('bench');
  await keepSome(subject);
  return pair(
    () => round((ids) => live(subject, ids, entries)),
    () => round((ids) => emitAll(sdkAlone, ids, entries)),
    { rounds: 3, warmUps: 1 },
  );
}

const SIZES: readonly Size[] = [
  { sessions: 10_000, entries: 50 },
  { sessions: 1_000, entries: 100 },
];

export const rows: readonly Row[] = SIZES.map(({ sessions, entries }) => {
  const size = { sessions: full(sessions), entries };
  return {
    row: 15,
    what: `an entry of a session's whole life (emit, read, end, delete), ${sessionsInWords(sessions)} of ${entries}`,
    unit: 'ns',
    ours: async (build) => besideSdk(await ours(build), size),
    base: 'the SDK alone',
    peers: { 'hand-written': () => besideSdk(handWritten(), size) },
  };
});
