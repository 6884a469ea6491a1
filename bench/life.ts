/**
 * Row 15: a session's whole life: its entries are written, read, the session is ended and deleted. What a store saves by
 * not freeing, or by freeing later, is paid in here.
 */
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import type { Logger } from '@opentelemetry/api-logs';

import type { SessionLogs } from '../dist/index.js';
import { startInProvider } from './build.ts';
import { EmptyProcessor } from './empty-processor.ts';
import { HandWrittenLogs } from './hand-written.ts';
import { afterCollection, costOf, full, keep, pair } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { freshText } from './texts.ts';

/** Lives in one measured round, so that most of what one leaves behind is collected within it. */
const LIVES = 3;

/** Where the entries of a life go, and how they leave it. */
interface Subject {
  readonly logger: Logger;
  /** Reads the session, ends and deletes it; gives the number of its entries. */
  leave(id: string): number | Promise<number>;
  shutdown(): Promise<void>;
}

interface Size {
  readonly sessions: number;
  readonly entries: number;
}

async function live(subject: Subject, ids: readonly string[], entries: number): Promise<void> {
  const { logger } = subject;
  for (let n = 0; n < entries; n += 1) {
    for (const [at, id] of ids.entries()) {
      logger.emit({ body: freshText(n + at), attributes: { 'session.id': id } });
    }
  }
  for (const id of ids) {
    const read = await subject.leave(id);
    if (read !== entries) throw new Error(`${id}: read ${read} of ${entries}`);
  }
}

async function besideSdk(make: () => Promise<Subject>, { sessions, entries }: Size): Promise<Sample> {
  const idsOf = (life: number): string[] => Array.from({ length: sessions }, (_, n) => `session-${life}-${n}`);
  const round = async (makeSubject: () => Promise<Subject>): Promise<number> => {
    const subject = await makeSubject();
    const lives = Array.from({ length: LIVES }, (_, life) => idsOf(life));
    await afterCollection(() => live(subject, idsOf(LIVES), entries));
    const cost = await costOf(LIVES * sessions * entries, async () => {
      for (const ids of lives) await live(subject, ids, entries);
    });
    await subject.shutdown();
    return cost;
  };
  const sdkAlone = async (): Promise<Subject> => {
    const provider = new LoggerProvider({ processors: [new EmptyProcessor()] });
    return { logger: provider.getLogger('bench'), leave: () => entries, shutdown: () => provider.shutdown() };
  };
  for (const makeKept of [make, sdkAlone]) {
    const subject = await makeKept();
    subject.logger.emit({ body: freshText(0), attributes: { 'session.id': 'kept' } });
    keep(subject);
  }
  return pair(
    () => round(make),
    () => round(sdkAlone),
    { rounds: 3, warmUps: 1 },
  );
}

async function leave(sessions: SessionLogs, id: string): Promise<number> {
  let read = 0;
  for await (const _ of sessions.getSessionLogs(id, { logType: 'all', until: 'caught-up' })) read += 1;
  sessions.endSession(id);
  sessions.deleteSession(id);
  return read;
}

function oursOf(size: Size): Measure {
  return (build) =>
    besideSdk(async () => {
      const { sessions, provider } = await startInProvider(build);
      return {
        logger: provider.getLogger('bench'),
        leave: (id) => leave(sessions, id),
        shutdown: () => sessions.shutdown(),
      };
    }, size);
}

function handWrittenOf(size: Size): Measure {
  return () =>
    besideSdk(async () => {
      const logs = new HandWrittenLogs();
      const provider = new LoggerProvider({ processors: [logs] });
      return {
        logger: provider.getLogger('bench'),
        async leave(id) {
          const queue = logs.follow(id);
          logs.end(id);
          let read = 0;
          for await (const _ of queue) read += 1;
          return read;
        },
        shutdown: () => provider.shutdown(),
      };
    }, size);
}

const SIZES: readonly Size[] = [
  { sessions: 10_000, entries: 50 },
  { sessions: 1_000, entries: 100 },
];
export const rows: readonly Row[] = SIZES.map(({ sessions, entries }) => {
  const size = { sessions: full(sessions), entries };
  return {
    row: 15,
    what: `an entry of a session's whole life (emit, read, end, delete), ${sessions.toLocaleString('en')} sessions of ${entries}`,
    unit: 'ns',
    ours: oursOf(size),
    base: 'the SDK alone',
    peers: { 'hand-written': handWrittenOf(size) },
  };
});
