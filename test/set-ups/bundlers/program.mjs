/**
 * What a user's program does, in a bundle or not: session logs that stand alone, with the daily file and export.
 * Prints one JSON object: what was read back, what was reported, and the lines of the daily file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { diag, DiagLogLevel } from '@opentelemetry/api';
import { bridgeLogsApi, SessionLogs, startSessionLogs } from 'otel-session-logs';

const reports = [];
const note = (...args) => void reports.push(args.map(String).join(' '));

// A function, since a bundle that is CommonJS awaits nothing on its top.
async function main() {
  diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
  bridgeLogsApi();
  const { findings } = await new SessionLogs().diagnose();
  const directory = process.env.LOGS_PATH;
  const sessions = await startSessionLogs({ console: false, streamHandler: false });
  for (let index = 0; index < 10; index += 1) {
    await sessions.logChunkToQueue(`chunk ${index}`, 'abc');
    await new Promise((resolve) => setImmediate(resolve));
  }
  sessions.withSession('abc', () => sessions.logger.info('leveled', { index: 10 }));
  sessions.endSession('abc');
  const read = [];
  for await (const { message } of sessions.followSession('abc', { logType: 'all' })) read.push(message);
  await sessions.forceFlush();
  await sessions.shutdown();
  const lines = readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'),
  );
  const { lost } = sessions.stats();
  console.log(JSON.stringify({ read, reports, lines, lost, findings: findings.map(({ code }) => code) }));
}

void main();
