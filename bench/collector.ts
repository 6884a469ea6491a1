/**
 * A collector on a loopback port that says yes and counts. Run as a script it is that collector, in a process of its own,
 * so that its CPU is nobody's; `startCollector` runs it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface Received {
  readonly bytes: number;
  /** Of bodies that are JSON and not compressed. */
  readonly records: number;
}

export interface Collector {
  readonly url: string;
  received(): Promise<Received>;
  close(): void;
}

const SELF = fileURLToPath(import.meta.url);
/** Each record has it once: parsing would take more time than sending. */
const MARK = '"observedTimeUnixNano"';

export async function startCollector(): Promise<Collector> {
  const child = fork(SELF);
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}/v1/logs`,
    async received() {
      child.send('count');
      const [received] = (await once(child, 'message')) as [Received];
      return received;
    },
    close: () => void child.kill(),
  };
}

function countOf(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(MARK); at !== -1; at = body.indexOf(MARK, at + 1)) count += 1;
  return count;
}

function serve(): void {
  let [bytes, records] = [0, 0];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      bytes += body.length;
      records += countOf(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.on('message', () => process.send?.({ bytes, records } satisfies Received));
  process.on('disconnect', () => process.exit());
}

if (process.argv[1] === SELF) serve();
