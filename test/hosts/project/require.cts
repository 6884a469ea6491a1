/** `require()` of the package from CommonJS, every module of it: fails when one has a top-level await. */
import fs = require('node:fs');
import path = require('node:path');

import sessionLogs = require('otel-session-logs');
import redis = require('otel-session-logs/redis');
import testing = require('otel-session-logs/testing');

/** Those that do something when they are loaded. */
const PROGRAMS = new Set(['cli.js', 'register.js']);

function requireAll(directory: string): number {
  const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const modules = files.filter((file) => file.endsWith('.js') && !PROGRAMS.has(file));
  for (const file of modules) require(path.join(directory, file));
  return modules.length;
}

async function main(): Promise<void> {
  const count = requireAll(path.dirname(require.resolve('otel-session-logs')));
  if (count < 10) throw new Error(`only ${count} modules were found`);
  const sessions = new sessionLogs.SessionLogs();
  await sessions.logChunkToQueue('from CommonJS', 'abc123');
  for await (const chunk of sessions.getSessionLogs('abc123', { until: 'caught-up' })) process.stdout.write(chunk);
  if (typeof redis.RedisSessionStore !== 'function') throw new Error('./redis has no RedisSessionStore');
  if (typeof testing.describeSessionStore !== 'function') throw new Error('./testing has no describeSessionStore');
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
