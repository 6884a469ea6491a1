/**
 * How long a record takes from its exporter's request to the stream of a page, while 5,000 records a second come in over 1,000
 * sessions; and how much of a core the viewer spends on it. The viewer runs in a process of its own.
 *
 *     npm run bench:stream --workspace viewer [-- SECONDS RECORDS_A_SECOND SESSIONS PAGES]
 */
import { Agent, get, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { createParser } from 'eventsource-parser';

import type { BlocksEvent } from '../src/serve/protocol.ts';
import { BENCH_BATCHES } from './batches.ts';
import { percentile } from './support/percentile.ts';
import { startViewer } from './support/viewer-process.ts';

const [seconds = 10, rate = 5_000, sessions = 1_000, pages = 1] = process.argv.slice(2).map(Number);
/** Requests a second. */
const REQUESTS = 20;

const viewer = await startViewer();
const { endpoint } = viewer;
const agent = new Agent({ keepAlive: true });

const [batch] = BENCH_BATCHES;
const sample = batch?.records[0];
if (sample === undefined) throw new Error('there is no record to send');

function post(first: number, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, at) => ({
    ...sample,
    body: ` token${first + at}@${performance.now()} `,
    attributes: { 'session.id': `session-${(first + at) % sessions}` },
  }));
  const body = ProtobufLogsSerializer.serializeRequest(records as never);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-protobuf' };
    const sent = request(`${endpoint}/v1/logs`, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', resolve);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const millis: number[] = [];
let bytes = 0;
for (let page = 0; page < pages; page += 1) {
  const follow = Array.from({ length: 16 }, (_, at) => `follow=s:session-${page * 16 + at}`).join('&');
  get(`${endpoint}/api/stream?${follow}`, { agent: false }, (response) => {
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event !== 'blocks') return;
        const now = performance.now();
        for (const { parts } of (JSON.parse(data) as BlocksEvent).blocks) {
          for (const { text } of parts) {
            for (const [, at] of text.matchAll(/@([\d.]+) /g)) millis.push(now - Number(at));
          }
        }
      },
    });
    response.setEncoding('utf8').on('data', (text: string) => {
      bytes += text.length;
      parser.feed(text);
    });
  });
}

const per = Math.round(rate / REQUESTS);
const start = performance.now();
const before = viewer.cpuMillis();
let sent = 0;
while (performance.now() - start < seconds * 1_000) {
  await post(sent, per);
  sent += per;
  await delay(Math.max(0, start + (sent / rate) * 1_000 - performance.now()));
}
const spent = viewer.cpuMillis() - before;
await delay(500);
const took = (performance.now() - start - 500) / 1_000;
const at = (share: number): number => percentile(millis, share);
console.log(
  `${sent} records in ${took.toFixed(1)} s over ${sessions} sessions, ${pages} pages of 16 sessions and 100 rows each`,
);
console.log(
  `request to stream: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, of ${millis.length} chunks seen`,
);
console.log(
  `viewer: ${(spent / took / 10).toFixed(0)} % of a core, ${(bytes / took / 1024).toFixed(0)} KiB a second to pages`,
);
viewer.end();
agent.destroy();
process.exit();
