/**
 * A server of the runtime's own, and one of `node:http`: a client stays connected to a session that is silent for longer
 * than servers wait. Prints what both clients got.
 */
import { createServer } from 'node:http';

import { SessionLogs } from 'otel-session-logs';

const SILENT_MILLIS = 20_000;

const sessions = new SessionLogs();
const answer = (request) => sessions.toEventStreamResponse('abc', { signal: request.signal });

function serveWeb() {
  if (globalThis.Bun !== undefined) {
    const server = globalThis.Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer });
    return [server.port, () => server.stop(true)];
  }
  if (globalThis.Deno === undefined) return undefined;
  const server = globalThis.Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, answer);
  return [server.addr.port, () => server.shutdown()];
}

async function serveNode() {
  const server = createServer((_request, response) => void sessions.sendEventStream(response, 'abc'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server.address().port, () => server.closeAllConnections()];
}

async function read(port) {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const text = await response.text();
  return [...text.matchAll(/"message":"(\w+)"/g)].map(([, message]) => message);
}

const servers = [serveWeb(), await serveNode()].filter((server) => server !== undefined);
await sessions.logChunkToQueue('first', 'abc');
const reading = servers.map(([port]) => read(port));
await new Promise((resolve) => setTimeout(resolve, SILENT_MILLIS));
await sessions.logChunkToQueue('second', 'abc');
sessions.endSession('abc');
const got = await Promise.all(reading);
for (const [, close] of servers) close();
await sessions.shutdown();
console.log(JSON.stringify(got));
process.exit(0);
