import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** What came in of one session. */
export interface Received {
  records: number;
  /** The chunks of text, joined in the order they came. */
  text: string;
}

export interface Receiver {
  readonly url: string;
  of(sessionId: string): Received;
  close(): Promise<void>;
}

interface LogsRequest {
  resourceLogs?: { scopeLogs?: { logRecords?: OtlpRecord[] }[] }[];
}

interface OtlpRecord {
  body?: { stringValue?: string };
  eventName?: string;
  attributes?: { key: string; value: { stringValue?: string } }[];
}

/**
 * A small OTLP/HTTP receiver for JSON on 127.0.0.1, in place of a collector.
 *
 * @param loseEvery Leaves out every nth record, to see the comparison fail; 0: none.
 */
export async function startReceiver(loseEvery = 0): Promise<Receiver> {
  const sessions = new Map<string, Received>();
  let count = 0;

  const of = (sessionId: string): Received => {
    const received = sessions.get(sessionId) ?? { records: 0, text: '' };
    sessions.set(sessionId, received);
    return received;
  };
  const take = (record: OtlpRecord): void => {
    count += 1;
    const sessionId = record.attributes?.find(({ key }) => key === 'session.id')?.value.stringValue;
    if (sessionId === undefined || (loseEvery > 0 && count % loseEvery === 0)) return;
    const received = of(sessionId);
    received.records += 1;
    if (!record.eventName) received.text += record.body?.stringValue ?? '';
  };

  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => {
        const { resourceLogs = [] } = JSON.parse(body.toString()) as LogsRequest;
        for (const { scopeLogs = [] } of resourceLogs) {
          for (const { logRecords = [] } of scopeLogs) for (const record of logRecords) take(record);
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      })
      .catch(() => response.writeHead(400).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    of,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}
