import { readdirSync, readFileSync } from 'node:fs';

export const dynamic = 'force-dynamic';

export async function GET() {
  const sessions = globalThis.sessionLogs;
  for (let index = 0; index < 10; index += 1) await sessions.logChunkToQueue(`chunk ${index}`, 'abc');
  sessions.withSession('abc', () => sessions.logger.info('leveled'));
  sessions.endSession('abc');
  const read = [];
  for await (const { message } of sessions.followSession('abc', { logType: 'all' })) read.push(message);
  await sessions.forceFlush();
  const directory = process.env.LOGS_PATH;
  const lines = readdirSync(directory).flatMap((name) =>
    readFileSync(`${directory}/${name}`, 'utf8').trimEnd().split('\n'),
  );
  return Response.json({ read, reports: [], lines, lost: sessions.stats().lost });
}
