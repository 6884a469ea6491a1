/**
 * One task writes a session, another one reads it live. The program exits by itself, with everything flushed.
 *
 *   npx tsx examples/local-iteration.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { startSessionLogs, STREAM_END_TOKEN, STREAM_START_TOKEN } from 'otel-session-logs';

const sessions = await startSessionLogs({ streamHandler: false });

async function produce(sessionId: string): Promise<void> {
  await sessions.logChunkToQueue(STREAM_START_TOKEN, sessionId);
  for (const word of 'A session can be read while it is written.'.split(' ')) {
    await sessions.logChunkToQueue(`${word} `, sessionId);
    await sleep(40);
  }
  await sessions.logChunkToQueue(STREAM_END_TOKEN, sessionId);
  sessions.endSession(sessionId);
}

const producing = produce('abc123');
for await (const chunk of sessions.getSessionLogs('abc123', { tokens: false })) process.stdout.write(chunk);
process.stdout.write('\n');
await producing;
