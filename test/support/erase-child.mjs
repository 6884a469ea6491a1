// A process that writes to many sessions, and erases some when it is told. Plain JavaScript: it runs against the built source.
import { setImmediate as nextTurn } from 'node:timers/promises';

const { module, name, logs, spool, ids, redis, clientModule, perTurn } = JSON.parse(process.argv[2]);
const { startSessionLogs } = await import(module);

/** A collector that is down. */
const exporter = {
  export: (_records, done) =>
    void setImmediate(() => done({ code: 1, error: Object.assign(new Error('down'), { code: 503 }) })),
  forceFlush: async () => {},
  shutdown: async () => {},
};

let store;
let client;
if (redis !== undefined) {
  const { RedisSessionStore } = await import(redis.module);
  const { createClient } = await import(clientModule);
  client = createClient({ url: redis.url });
  client.on('error', () => {});
  await client.connect();
  store = new RedisSessionStore({ client, prefix: redis.prefix });
}

const sessions = await startSessionLogs({
  directory: logs,
  console: false,
  streamHandler: false,
  exporter,
  spool: { directory: spool, scheduledDelayMillis: 20, shutdownTimeoutMillis: 200, fsync: 'never' },
  ...(store === undefined ? {} : { store }),
});

/** By the place of the session: how many chunks were written. */
const counts = ids.map(() => 0);
const stopped = new Set();
let isEnding = false;

function write(at) {
  counts[at] += 1;
  const text = `secret-${at}-${name}-${counts[at]};${'x'.repeat((at * 7 + counts[at]) % 60)}`;
  void sessions.logChunkToQueue(text, ids[at]);
}

async function handle(message) {
  const { stop, isQuick, erase, end } = message;
  if (stop !== undefined) {
    for (const at of stop) {
      stopped.add(at);
      // What is written in this turn stands in no file yet.
      for (let n = 0; n < 3; n += 1) write(at);
    }
    if (!isQuick) await nextTurn();
    if (!isQuick) await nextTurn();
    if (!isQuick) await store?.flush();
    process.send({ stopped: stop, counts: stop.map((at) => counts[at]) });
    const until = performance.now() + 5;
    while (isQuick && performance.now() < until);
  }
  if (erase !== undefined) {
    try {
      process.send({ erased: erase, receipt: await sessions.eraseSession(ids[erase]) });
    } catch (error) {
      process.send({ erased: erase, error: `${error.message} ${error.cause?.stack ?? ''}` });
    }
  }
  if (end !== undefined) {
    isEnding = true;
    await sessions.shutdown().catch((error) => process.send({ failure: error.message }));
    await client?.close();
    process.send({ ended: name, counts });
    process.disconnect();
  }
}

process.on('message', (message) => void handle(message));

process.send({ ready: name });
let step = 0;
while (!isEnding) {
  for (let n = 0; n < perTurn; n += 1) {
    step = (step * 1_103_515_245 + 12_345) % 2_147_483_648;
    const at = Math.floor((step / 2_147_483_648) * ids.length);
    if (!stopped.has(at)) write(at);
  }
  await nextTurn();
  await new Promise((resolve) => setTimeout(resolve, 25));
}
