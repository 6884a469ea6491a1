// Run with `node --expose-gc`, built: prints, for each kind of kept value, what is counted and what the
// heap holds when every value is cut out of a parent of 4 KiB.
import { createServer } from 'node:http';

import { LoggerProvider } from '@opentelemetry/sdk-logs';

import { CoalescingLogRecordProcessor } from '../../src/export/coalescing/coalescing.ts';
import { QueuedLogRecordProcessor } from '../../src/export/delivery/queued.ts';
import { SessionPositions } from '../../src/export/delivery/session-positions.ts';
import { MemorySegment } from '../../src/export/spool/memory-segment.ts';
import { MemorySessionStore, SessionLogs } from '../../src/index.ts';
import { patternRedaction } from '../../src/redaction.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { ownJoin, ownText } from '../../src/support/own-text.ts';

/** How many values of a kind: few while the program warms up. */
let count = 200;
const PARENT = 4 * 1024;
let serial = 0;

/** A text of that length that is a slice of a new parent; `wide`: with two bytes a unit in the parent only. */
function cut(length, wide = false) {
  serial += 1;
  const head = `${serial}-`.padEnd(length, String(serial % 10));
  const parent = Buffer.from(head.padEnd(PARENT, wide ? '\u4e2d' : 'p')).toString();
  return parent.slice(0, length);
}

/** The heap once collections make it no smaller: after fewer of them a batch of writes to which nothing refers stays at times. */
async function heap() {
  let least = Infinity;
  for (let n = 0; ; n += 1) {
    await new Promise(setImmediate);
    globalThis.gc();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const bytes = heapUsed + external + arrayBuffers;
    if (n >= 4 && bytes > least - 64 * 1024) return bytes;
    least = Math.min(least, bytes);
  }
}

/** As `cut`, out of a parent of 1 MiB. */
function cutOfMebibyte(length, unit) {
  serial += 1;
  return `${serial}-`.padEnd(1024 * 1024, unit).slice(0, length);
}

function sessionsOver(store) {
  return new SessionLogs({ store, loggerProvider: () => undefined });
}

function beginAnswers(store) {
  for (let n = 0; n < count; n += 1) {
    const detail = { logType: 'chat', kind: 'stream-start', streamId: cut(36), endsReasoning: false };
    store.append(`s${n}`, '<start>', Date.now(), detail);
  }
}

/** A connection to Redis: ready at once and taking everything, or never ready. */
function redis(isReady) {
  const connection = {
    exec: (commands) => Promise.resolve(commands.map(({ args }) => (args[0] === 'EVALSHA' ? '' : 1))),
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    close() {},
  };
  const connect = (events) => {
    if (isReady) queueMicrotask(() => events.ready());
    return connection;
  };
  return { isCluster: false, connect };
}

/** Each fills something, and answers with what it counts, in bytes. */
const KINDS = {
  ...Object.fromEntries(
    [13, 40, 60, 300].flatMap((length) =>
      [false, true].map((wide) => [
        `message ${length}${wide ? ' of a wide parent' : ''}`,
        (keep) => {
          const store = keep(new MemorySessionStore({ maxEntriesPerSession: count * 2 }));
          const sessions = sessionsOver(store);
          for (let n = 0; n < count; n += 1) void sessions.logChunkToQueue(cut(length, wide), 's');
          return () => store.stats().bytes;
        },
      ]),
    ),
  ),
  'text put together of parts': (keep) => {
    const store = keep(new MemorySessionStore());
    const sessions = sessionsOver(store);
    for (let n = 0; n < count; n += 1) void sessions.logChunkToQueue(`${cut(30)} and ${cut(30)}`, 's');
    return () => store.stats().bytes;
  },
  'copies, each out of 1 MiB': (keep) => {
    const copies = keep([]);
    for (const unit of ['p', '\u4e2d', '\ud83d']) {
      for (const length of [0, 1, 2, 11, 12, 13, 14, 15, 300]) {
        copies.push(ownText(cutOfMebibyte(length, unit)), ownJoin('head,', cutOfMebibyte(length + 1, unit)));
      }
    }
    return () => 16 * 1024;
  },
  'session ids': (keep) => {
    const store = keep(new MemorySessionStore());
    const sessions = sessionsOver(store);
    for (let n = 0; n < count; n += 1) void sessions.logChunkToQueue('x', cut(36));
    return () => store.stats().bytes;
  },
  'ids of sessions that readers wait for': (keep) => {
    const store = keep(new MemorySessionStore());
    const sessions = sessionsOver(store);
    const readers = keep([]);
    for (let n = 0; n < count; n += 1) {
      const reader = sessions.followSession(cut(36));
      void reader.next();
      readers.push(reader);
    }
    // A waiting reader takes about 900 bytes (the README's figure), which no bound counts.
    return () => count * 1_500;
  },
  'streams, severities and event names': (keep) => {
    const store = keep(new MemorySessionStore());
    for (let n = 0; n < count; n += 1) {
      const detail = { logType: 'log', kind: 'text', endsReasoning: false, severityNumber: 9, attributes: undefined };
      const names = { streamId: cut(36), severityText: cut(40), eventName: cut(50), traceId: cut(32), spanId: cut(16) };
      store.append('s', 'x', Date.now(), { ...detail, ...names });
    }
    return () => store.stats().bytes;
  },
  'attributes of every type': (keep) => {
    const store = keep(new MemorySessionStore());
    const sessions = sessionsOver(store);
    for (let n = 0; n < count; n += 1) {
      const bytes = new Uint8Array(PARENT).subarray(0, 40);
      const attributes = { [cut(20)]: cut(40), list: [cut(30), 1, true], deep: { text: cut(60), bytes } };
      void sessions.logChunkToQueue('x', 's', { attributes });
    }
    return () => store.stats().bytes;
  },
  'nothing of sessions that are gone, though readers stand on them': async (keep) => {
    const store = keep(new MemorySessionStore({ maxSessions: 60 }));
    const sessions = sessionsOver(store);
    const readers = keep([]);
    for (let n = 0; n < 120; n += 1) {
      for (let entry = 0; entry < 200; entry += 1) void sessions.logChunkToQueue('x'.repeat(500) + entry, `s${n}`);
      // One that has read, and stands on a block that leads to all later ones; one that has not begun.
      const reader = sessions.followSession(`s${n}`);
      readers.push(reader, sessions.followSession(`s${n}`));
      await reader.next();
      if (n % 2 === 0) sessions.deleteSession(`s${n}`);
      // Returned, it keeps no session from being forgotten for the next ones.
      else await reader.return();
    }
    for (const id of sessions.allSessionsInQueues) sessions.deleteSession(id);
    // Memory of what is gone is taken back by and by.
    do await new Promise((resolve) => setTimeout(resolve, 100));
    while (store.log.isBehind);
    return () => sessions.stats().bytes;
  },
  'ids of sessions and entries that clients follow': async (keep) => {
    const sessions = sessionsOver(keep(new MemorySessionStore()));
    const server = keep(
      createServer((_request, response) => {
        const lastEventId = serial % 2 === 0 ? cutOfMebibyte(40, 'p') : undefined;
        void sessions.sendEventStream(response, cutOfMebibyte(36, 'p'), { lastEventId, wait: true });
      }),
    );
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    for (let n = 0; n < 40; n += 1) {
      const { body } = await fetch(`http://127.0.0.1:${server.address().port}/`);
      const reader = keep(body.getReader());
      await reader.read();
      void reader.read();
    }
    // A request, its connection and both their ends.
    return () => 40 * 100 * 1024;
  },
  'attributes with numbers for keys': (keep) => {
    const store = keep(new MemorySessionStore({ maxBytesPerSession: 1e9 }));
    const sessions = sessionsOver(store);
    for (let n = 0; n < count; n += 1) {
      const attributes = { 500: n, codes: { 200: n, 404: 1, 999: 2 }, ids: [{ 700: n }] };
      void sessions.logChunkToQueue('x', 's', { attributes });
    }
    return () => store.stats().bytes;
  },
  'attributes of fractions': (keep) => {
    const store = keep(new MemorySessionStore({ maxBytesPerSession: 1e9 }));
    const sessions = sessionsOver(store);
    const scores = (n) => Array.from({ length: 12 }, (_, index) => n + index / 64);
    for (let n = 0; n < count; n += 1) {
      const fields = Object.fromEntries(scores(n).map((score, index) => [`score-${index}`, score]));
      void sessions.logChunkToQueue('x', 's', {
        attributes: { fields, mixed: ['of', ...scores(n)], scores: scores(n) },
      });
    }
    return () => store.stats().bytes;
  },
  'attributes of short texts': (keep) => {
    const store = keep(new MemorySessionStore({ maxBytesPerSession: 1e9 }));
    const sessions = sessionsOver(store);
    for (let n = 0; n < count; n += 1) {
      const letters = Array.from({ length: 30 }, (_, index) => 'ab'.slice(0, index % 2));
      void sessions.logChunkToQueue('x', 's', { attributes: { letters } });
    }
    return () => store.stats().bytes;
  },
  'names of 32 units': (keep) => {
    const store = keep(new MemorySessionStore());
    for (let n = 0; n < count; n += 1) {
      const detail = { logType: 'log', kind: 'text', endsReasoning: false, severityNumber: 9, attributes: undefined };
      const [streamId, severityText, eventName, traceId, spanId] = Array.from({ length: 5 }, () => cut(32, true));
      store.append('s', 'x', Date.now(), { ...detail, streamId, severityText, eventName, traceId, spanId });
    }
    return () => store.stats().bytes;
  },
  exceptions: (keep) => {
    const store = keep(new MemorySessionStore());
    const sessions = sessionsOver(store);
    for (let n = 0; n < count; n += 1) {
      const exception = new Error(cut(80));
      exception.name = cut(20);
      exception.stack = cut(400);
      void sessions.logChunkToQueue('x', 's', { kind: 'error', exception });
    }
    return () => store.stats().bytes;
  },
  'chunks that wait to be merged': (keep) => {
    const none = { onEmit() {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
    const merging = keep(new CoalescingLogRecordProcessor({ processor: none }));
    const logger = new LoggerProvider({ processors: [merging] }).getLogger('l');
    for (let n = 0; n < count; n += 1) {
      logger.emit({ body: cut(60), attributes: { 'session.id': cut(36), model: cut(30) } });
    }
    // The stream, its record and the places of 64 chunks.
    return () => count * 2_500;
  },
  'chunks that a redaction holds back': (keep) => {
    const redact = patternRedaction([{ pattern: /[\d-]{200,}x/, replacement: '' }]);
    const sessions = keep(new SessionLogs({ redact, loggerProvider: () => undefined }));
    for (let n = 0; n < count; n += 1) {
      const id = cut(36);
      void sessions.logChunkToQueue(cut(60), id, { kind: 'text', streamId: cut(36), attributes: { user: cut(40) } });
    }
    // The texts of a session, one of them, and its stage.
    return () => count * 1_000;
  },
  'records that wait for their export': (keep) => {
    const exporter = { export() {}, shutdown: () => Promise.resolve(), forceFlush: () => Promise.resolve() };
    const options = { exporter, scheduledDelayMillis: 100_000, maxExportBatchSize: 60_000 };
    const batch = keep(new QueuedLogRecordProcessor(options));
    const logger = keep(new LoggerProvider({ processors: [batch] }).getLogger('l'));
    for (let n = 0; n < count; n += 1) {
      const attributes = { 'session.id': cut(36), text: cut(50), list: [cut(40)] };
      logger.emit({ body: cut(60), eventName: cut(40), attributes });
    }
    // A record of the SDK.
    return () => count * 1_200;
  },
  'entries that wait for Redis': (keep) => {
    const store = keep(new RedisSessionStore({ client: redis(false) }));
    const detail = { logType: 'log', kind: 'text', endsReasoning: false };
    for (let n = 0; n < count; n += 1) {
      store.append('s', cut(60), Date.now(), undefined);
      store.append('s', cut(60), Date.now(), { ...detail, streamId: cut(36), attributes: { text: cut(40) } });
    }
    return () => store.stats().bytes;
  },
  'chunks that begin answers and wait for Redis': (keep) => {
    const store = keep(new RedisSessionStore({ client: redis(false) }));
    beginAnswers(store);
    return () => count * 1_500;
  },
  'chunks that began answers which are open': async (keep) => {
    const store = keep(new RedisSessionStore({ client: redis(true) }));
    beginAnswers(store);
    await store.flush();
    return () => count * 1_500;
  },
  'nothing of what Redis has taken': async (keep) => {
    const store = keep(new RedisSessionStore({ client: redis(true) }));
    for (let n = 0; n < 1_000; n += 1) store.append('s', 'x'.repeat(8 * 1024) + n, Date.now(), undefined);
    await store.flush();
    return () => store.stats().bytes;
  },
  'records with numbers for keys that wait for their export': (keep) => {
    const exporter = { export() {}, shutdown: () => Promise.resolve(), forceFlush: () => Promise.resolve() };
    const options = { exporter, scheduledDelayMillis: 100_000, maxExportBatchSize: 60_000 };
    const batch = keep(new QueuedLogRecordProcessor(options));
    const logger = keep(new LoggerProvider({ processors: [batch] }).getLogger('l'));
    for (let n = 0; n < count; n += 1) {
      // As a parser makes it, which takes no place for what is not there.
      logger.emit({ body: JSON.parse('{"999":1,"codes":{"200":1,"404":1}}') });
    }
    return () => count * 1_200;
  },
  'nothing of positions that were forgotten': (keep) => {
    const positions = keep(new SessionPositions(100));
    const segments = keep([new MemorySegment(1, 0), new MemorySegment(count, 0)]);
    for (let n = 0; n < 2 * count; n += 2) {
      const [first, second] = [positions.appending(cut(36)), positions.appending(cut(36))];
      positions.appended(segments[n % 4 === 0 ? 0 : 1], [first, second]);
    }
    return () => 100 * 250;
  },
  'positions of sessions': (keep) => {
    const positions = keep(new SessionPositions());
    for (let n = 0; n < count; n += 1) positions.appending(cut(36));
    return () => count * 250;
  },
};

const kept = [];
const results = {};
// Compiles, and fills caches, before anything is measured.
for (const fill of Object.values(KINDS)) await fill((value) => value);
count = 2_000;
let before = await heap();
for (const [kind, fill] of Object.entries(KINDS)) {
  const counted = await fill((value) => {
    kept.push(value);
    return value;
  });
  const after = await heap();
  results[kind] = { counted: counted(), held: after - before };
  before = after;
}
console.log(JSON.stringify(results));
// Readers that wait and exporters that do not answer are left as they are.
process.exit(kept.length > 0 ? 0 : 1);
