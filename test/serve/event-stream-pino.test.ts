import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';

import { logs } from '@opentelemetry/api';
import { PinoInstrumentation } from '@opentelemetry/instrumentation-pino';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { createParser } from 'eventsource-parser';
import type { pino } from 'pino';
import { expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { bridgeLogsApi } from '../../src/otel/logs-api.ts';

it('pino lines and tokens in one session: the event stream shows the tokens only, followSession all', async () => {
  const provider: LoggerProvider = new LoggerProvider({
    processors: [(sessions = new SessionLogs({ loggerProvider: () => provider })).processor],
  });
  logs.setGlobalLoggerProvider(provider);
  expect(bridgeLogsApi()).toBe(true); // the instrumentation still emits through `api-logs`
  const instrumentation = new PinoInstrumentation();
  instrumentation.enable();
  // Instrumentations patch what is required after them.
  const logger = (createRequire(import.meta.url)('pino') as typeof pino)({}, new PassThrough().resume());

  await sessions.withSession('s', async () => {
    logger.info('question received');
    for await (const token of sessions.tap('s', tokens())) logger.debug({ token }, 'token');
    logger.error('a line of the operator');
  });
  sessions.endSession('s');

  const shown: string[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === undefined) shown.push((JSON.parse(data) as { message: string }).message);
    },
  });
  const response = await sessions.toEventStreamResponse('s', { from: 'start' });
  parser.feed(await response.text());
  expect(shown).toEqual(['<start>', 'Hel', 'lo', '</end>']);

  const all: string[] = [];
  for await (const { message } of sessions.followSession('s')) all.push(message);
  expect(all).toEqual(['question received', '<start>', 'Hel', 'lo', '</end>', 'a line of the operator']);
  logs.disable();
  await sessions.shutdown();
});

let sessions: SessionLogs;

async function* tokens(): AsyncGenerator<string> {
  yield 'Hel';
  yield 'lo';
}
