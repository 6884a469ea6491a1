/**
 * Logs 2,000 lines within one turn of the event loop and ends the process, as the argument says, before another turn:
 * what is written when nothing asynchronous runs any more.
 */
import { startSessionLogs } from 'otel-session-logs';

const sessions = await startSessionLogs({
  console: false,
  streamHandler: false,
  endpoint: 'http://127.0.0.1:1',
  spool: { directory: process.env.SPOOL_PATH },
});
const WAYS = {
  exit: () => process.exit(0),
  throw() {
    throw new Error('thrown on purpose');
  },
  reject: () => void Promise.reject(new Error('rejected on purpose')),
  signal: () => process.kill(process.pid, 'SIGTERM'),
};

process.on('SIGTERM', () => process.exit(0));
setTimeout(() => {
  for (let index = 0; index < 2_000; index += 1) void sessions.logChunkToQueue(`line ${index}`, 'abc');
  WAYS[process.argv[2]]();
}, 50);
