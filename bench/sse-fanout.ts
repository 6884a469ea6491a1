/**
 * What an event costs the server for each of many clients that follow one session, in CPU time.
 *
 *     npm run bench:streams [-- CLIENTS,... ROUNDS --against COMMIT --write]
 *
 * Tokens come as an answer of 100 a second, eight at a time with pauses, and one at a time with pauses (a write to a socket for
 * each, of which most is the system's). This build and that of the other commit take turns, each run in a process of its own, its
 * clients in another. `--write` keeps the figures of 1,000 clients for docs/performance.md.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { openBuild, withKnownOptions } from './build.ts';
import { keepFigures } from './docs-data.ts';
import { median } from './harness.ts';
import { buildCommit } from './other-build.ts';

const FILE = fileURLToPath(import.meta.url);
const EVENTS = 100_000;
/** Instead of a number at once: one each 10 ms, whether all have the one before or not. */
const ANSWER = 0;
/** How many tokens come at once, by the row of docs/performance.md. */
const WAYS = {
  'an answer of 100 tokens a second': ANSWER,
  'eight events together': 8,
  'events with pauses between them': 1,
} as const;
const WRITTEN_CLIENTS = 1_000;
const OURS = fileURLToPath(new URL('../dist', import.meta.url));

interface Micros {
  readonly user: number;
  readonly system: number;
}

/** Raw sockets, which read into one buffer: the clients shall cost this machine little. */
async function beClients(port: number, clients: number): Promise<void> {
  const onread = { buffer: Buffer.alloc(65_536), callback: () => true };
  for (let i = 0; i < clients; i += 1) {
    const socket = connect({ port, host: '127.0.0.1', onread });
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  }
}

async function beServer(directory: string, clients: number, atOnce: number): Promise<void> {
  const built = await openBuild(directory).main();
  const store = withKnownOptions((options) => new built.MemorySessionStore(options), { maxReadersPerSession: 20_000 });
  const sessions = new built.SessionLogs({ store });
  const server = createServer((_, response) => void sessions.sendEventStream(response, 's'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const other = fork(FILE, ['--clients', `${port}`, `${clients}`]);
  while (sessions.stats().readers < clients) await delay(10);
  const write = async (events: number): Promise<number> => {
    const turns = Math.ceil(events / clients / Math.max(1, atOnce));
    for (let turn = 0; turn < turns; turn += 1) {
      for (let i = 0; i < Math.max(1, atOnce); i += 1) void sessions.logChunkToQueue(` token ${i}`, 's');
      // Until all have it, on a machine that has other work too.
      await delay(atOnce === ANSWER ? 10 : Math.max(1, clients / 8));
    }
    await delay(Math.max(1, clients / 8));
    return turns * Math.max(1, atOnce) * clients;
  };
  await write(EVENTS / 4);
  const before = process.cpuUsage();
  const events = await write(EVENTS);
  const { user, system } = process.cpuUsage(before);
  other.kill();
  process.send?.({ user: user / events, system: system / events } satisfies Micros, () => process.exit());
}

interface Settings {
  readonly counts: readonly number[];
  readonly rounds: number;
  /** Of the built packages: this one, and perhaps another. */
  readonly directories: readonly string[];
  readonly isWritten: boolean;
}

async function measure({ counts, rounds, directories, isWritten }: Settings): Promise<void> {
  for (const clients of counts) {
    for (const [way, atOnce] of Object.entries(WAYS)) {
      const costs = new Map(directories.map((directory) => [directory, [] as Micros[]]));
      for (let round = 0; round < rounds; round += 1) {
        for (const directory of round % 2 === 0 ? directories : directories.toReversed()) {
          const server = fork(FILE, ['--server', directory, `${clients}`, `${atOnce}`]);
          const [micros] = (await once(server, 'message')) as [Micros];
          costs.get(directory)?.push(micros);
        }
      }
      for (const [directory, all] of costs) {
        const user = median(all.map((cost) => cost.user));
        const system = median(all.map((cost) => cost.system));
        console.log(
          `${clients} clients, ${way}: ${(user + system).toFixed(2)} µs an event and client ` +
            `(user ${user.toFixed(2)}, system ${system.toFixed(2)})   ${directory}`,
        );
        if (isWritten && clients === WRITTEN_CLIENTS) {
          const column = directory === OURS ? 'this build' : '0.1.0';
          keepFigures('event-streams.json', way, { [column]: `${(user + system).toFixed(1)} µs` });
        }
      }
    }
  }
}

async function measureAsAsked(args: string[]): Promise<void> {
  const options = { against: { type: 'string' }, write: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  const [clients = '1,100,1000', rounds = '5'] = positionals;
  const counts = clients.split(',').map(Number);
  const isWritten = values.write === true;
  if (isWritten && !counts.includes(WRITTEN_CLIENTS))
    throw new Error(`--write: it keeps the figures of ${WRITTEN_CLIENTS} clients, and you gave ${clients}`);
  const other = values.against === undefined ? undefined : buildCommit(values.against);
  const directories = [OURS, ...(other === undefined ? [] : [other.dist])];
  await measure({ counts, rounds: Number(rounds), directories, isWritten });
}

const [first = '', second = '', third, fourth] = process.argv.slice(2);
if (first === '--clients') await beClients(Number(second), Number(third));
else if (first === '--server') await beServer(second, Number(third), Number(fourth));
else await measureAsAsked(process.argv.slice(2));
