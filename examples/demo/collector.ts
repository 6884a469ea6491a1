import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

interface LogsRequest {
  resourceLogs?: { scopeLogs?: { logRecords?: OtlpRecord[] }[] }[];
}

interface OtlpRecord {
  timeUnixNano?: string | number;
  body?: { stringValue?: string };
  attributes?: { key: string; value: { stringValue?: string } }[];
}

/** A small OTLP/HTTP receiver for JSON on 127.0.0.1, in place of a collector. It can go away and come back. */
export class Collector {
  /** The messages of the records it has, in the order they came. */
  readonly messages: string[] = [];
  /** How many records came in. Delivery is at least once: one that comes again, by its `log.record.uid`, is not counted. */
  arrived = 0;
  /** How long ago the oldest record of the last request was written. */
  oldestMillis = 0;
  isAway = true;
  readonly #uids = new Set<string>();
  readonly #sessionId: string;
  readonly #loseEvery: number;
  readonly #onRecords: () => void;
  #server: Server | undefined;
  #port = 0;

  /**
   * @param sessionId It counts the records of this session. A run that was ended in the middle leaves others in the spool,
   * which come as well.
   * @param loseEvery Loses every nth record, to see the comparison fail; 0: none.
   */
  constructor(sessionId: string, loseEvery: number, onRecords: () => void) {
    this.#sessionId = sessionId;
    this.#loseEvery = loseEvery;
    this.#onRecords = onRecords;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; again on the same port, when it was away. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      readBody(request)
        .then((body) => this.#take(JSON.parse(body.toString()) as LogsRequest))
        .then(
          () => response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end('{}'),
          () => response.writeHead(400).end(),
        );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.isAway = false;
  }

  /** Answers what it has begun to answer; from now on connections are refused. */
  async goAway(): Promise<void> {
    this.isAway = true;
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #take({ resourceLogs = [] }: LogsRequest): void {
    this.oldestMillis = 0;
    for (const { scopeLogs = [] } of resourceLogs) {
      for (const { logRecords = [] } of scopeLogs) for (const record of logRecords) this.#takeRecord(record);
    }
    this.#onRecords();
  }

  #takeRecord({ attributes, timeUnixNano, body }: OtlpRecord): void {
    const valueOf = (name: string): string => attributes?.find(({ key }) => key === name)?.value.stringValue ?? '';
    const uid = valueOf('log.record.uid');
    if (valueOf('session.id') !== this.#sessionId || this.#uids.has(uid)) return;
    this.#uids.add(uid);
    this.arrived += 1;
    this.oldestMillis = Math.max(this.oldestMillis, Date.now() - Number(timeUnixNano) / 1e6);
    if (this.#loseEvery > 0 && this.arrived % this.#loseEvery === 0) return;
    this.messages.push(body?.stringValue ?? '');
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}
