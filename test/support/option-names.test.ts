import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import {
  CoalescingLogRecordProcessor,
  DateFileLogRecordProcessor,
  DurableLogRecordProcessor,
} from '../../src/export.ts';
import { MemorySessionStore, SessionLogRecordProcessor, SessionLogs, startSessionLogs } from '../../src/index.ts';
import { patternRedaction } from '../../src/redaction.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { recordSessionLogs } from '../../src/testing.ts';
import { OPTIONS_OF } from '../../src/support/option-names.ts';
import { temporaryDirectory } from './temporary-directory.ts';

type Call = (options: never) => unknown;

function callsOf(): Readonly<Record<string, Call>> {
  const sessions = new SessionLogs({ loggerProvider: () => undefined });
  onTestFinished(() => sessions.shutdown());
  const source = (async function* () {})();
  const response = { on: () => {}, writeHead: () => {} } as never;
  return {
    startSessionLogs: (options) => startSessionLogs(options),
    SessionLogs: (options) => new SessionLogs(options),
    SessionLogRecordProcessor: (options) => new SessionLogRecordProcessor(options),
    logChunkToQueue: (options) => sessions.logChunkToQueue('x', 's', options),
    logger: (options) => sessions.logger.info('x', {}, options),
    tap: (options) => sessions.tap('s', source, options),
    consume: (options) => sessions.consume('s', source, options),
    getSessionLogs: (options) => sessions.getSessionLogs('s', options),
    followAll: (options) => sessions.followAll(options),
    followSession: (options) => sessions.followSession('s', options),
    toReadableStream: (options) => sessions.toReadableStream('s', options),
    pop: (options) => sessions.pop('s', options),
    toEventStreamResponse: (options) => sessions.toEventStreamResponse('s', options),
    sendEventStream: (options) => sessions.sendEventStream(response, 's', options),
    eventStreamHandler: (options) =>
      sessions.eventStreamHandler({ sessionId: () => 's', authorize: () => true, ...(options as object) }),
    replaySession: (options) => sessions.replaySession('s', options),
    recordSessionLogs: (options) => recordSessionLogs(options),
    until: (options) => recordSessionLogs().until(() => true, options),
    patternRedaction: (options) => patternRedaction([{ pattern: /a/, replacement: 'b' }], options),
    getAllLogsInQueue: (options) => sessions.getAllLogsInQueue(options),
    distribute: (options) => sessions.distribute(options),
    forceFlush: (options) => sessions.forceFlush(options),
    flushSession: (options) => sessions.flushSession('s', options),
    shutdown: (options) => sessions.shutdown(options),
    MemorySessionStore: (options) => new MemorySessionStore(options),
    RedisSessionStore: (options) => new RedisSessionStore(options),
    DateFileLogRecordProcessor: (options) =>
      new DateFileLogRecordProcessor({ directory: temporaryDirectory(), ...(options as object) }),
    DurableLogRecordProcessor: (options) =>
      new DurableLogRecordProcessor({
        directory: temporaryDirectory(),
        exporter: new InMemoryLogRecordExporter(),
        ...(options as object),
      }),
    CoalescingLogRecordProcessor: (options) => new CoalescingLogRecordProcessor(options),
  };
}

/** What a call says of wrong options. */
async function said(call: Call | undefined, options: object): Promise<string> {
  try {
    await (call as Call)(options as never);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  return 'nothing';
}

describe('an unknown option', () => {
  it('every call has its options in the list', () => {
    expect(Object.keys(callsOf()).toSorted()).toEqual(Object.keys(OPTIONS_OF).toSorted());
  });

  it.each(Object.keys(OPTIONS_OF))('of %s: the options that there are, and no others', async (owner) => {
    const call = callsOf()[owner];
    const known = (OPTIONS_OF[owner] as string).split(' ');
    const message = await said(call, { zzzzzzzzzzzz: 1 });
    const there = known.length === 1 ? 'there is only' : 'there are';
    expect(message).toMatch(new RegExp(`^[\\w.]+: unknown option \`zzzzzzzzzzzz\`: ${there} `));
    const listed = [...message.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).slice(1);
    expect(listed.toSorted()).toEqual(known.toSorted());
    // None of them is unknown to the call.
    for (const name of known) expect(await said(call, { [name]: Symbol('wrong') })).not.toContain('unknown option');
  });

  it.each([
    ['startSessionLogs', { directry: 'x' }, '`directry`: did you mean `directory`?'],
    ['startSessionLogs', { retention_days: 3 }, '`retention_days`: did you mean `retentionDays`?'],
    ['startSessionLogs', { minSeverity: {} }, '`minSeverity`: did you mean `minimumSeverity`?'],
    [
      'startSessionLogs',
      { minimumSeverity: { files: 9 } },
      '`minimumSeverity.files`: did you mean `minimumSeverity.file`?',
    ],
    [
      'startSessionLogs',
      { minimumSeverity: { all: 9 } },
      '`minimumSeverity.all`: there are `file`, `console`, `export`',
    ],
    ['startSessionLogs', { fileName: 'app' }, '`fileName`: it belongs to `file` (DateFileLogRecordProcessor)'],
    [
      'startSessionLogs',
      { filename: 'app' },
      '`filename`: did you mean `fileName`? It belongs to `file` (DateFileLogRecordProcessor)',
    ],
    ['startSessionLogs', { maxAgeMillis: 1 }, '`maxAgeMillis`: it belongs to `spool` (DurableLogRecordProcessor)'],
    ['startSessionLogs', { maxSessions: 1 }, '`maxSessions`: it belongs to MemorySessionStore, RedisSessionStore'],
    [
      'SessionLogs',
      { directory: 'x' },
      '`directory`: it belongs to startSessionLogs, DateFileLogRecordProcessor, DurableLogRecordProcessor',
    ],
    ['SessionLogs', { stor: {}, redactor: 1 }, '`stor`: did you mean `store`?; `redactor`: did you mean `redact`?'],
    ['startSessionLogs', { url: 'x' }, '`url`: did you mean `endpoint`?'],
    ['startSessionLogs', { headers: {} }, '`headers`: did you mean OTEL_EXPORTER_OTLP_HEADERS, or an `exporter` that'],
    ['startSessionLogs', { serviceName: 'x' }, "`serviceName`: did you mean `resource: { 'service.name': ... }`"],
    ['followSession', { after: 'x' }, '`after`: did you mean `from: { after }`?'],
    ['toEventStreamResponse', { last: 5 }, '`last`: did you mean `from: { last }`?'],
    ['followAll', { after: 'x' }, '`after`: did you mean `from: { after }`?'],
    ['followAll', { last: 5 }, '`last`: there are '],
    ['followAll', { sessionId: 's' }, '`sessionId`: did you mean `followSession(sessionId)`, which reads one session?'],
    ['getSessionLogs', { form: 'start' }, '`form`: did you mean `from`?'],
    ['getSessionLogs', { log_type: 'chat' }, '`log_type`: did you mean `logType`?'],
    ['getSessionLogs', { timeout: 5 }, '`timeout`: did you mean `idleTimeoutMillis`?'],
    ['pop', { timeoutMillis: 5 }, '`timeoutMillis`: did you mean `idleTimeoutMillis`?'],
    [
      'followSession',
      { keepAliveMillis: 5 },
      '`keepAliveMillis`: it belongs to toEventStreamResponse, sendEventStream, eventStreamHandler',
    ],
    ['pop', { from: 'start' }, '`from`: it belongs to getSessionLogs, followSession, followAll, ...'],
    ['sendEventStream', { lastEventID: 'x' }, '`lastEventID`: did you mean `lastEventId`?'],
    ['toEventStreamResponse', { keepAliveMs: 1 }, '`keepAliveMs`: did you mean `keepAliveMillis`?'],
    ['tap', { streamId: 'x' }, '`streamId`: it belongs to logChunkToQueue'],
    ['logChunkToQueue', { streamID: 'x' }, '`streamID`: did you mean `streamId`?'],
    ['logger', { exeption: 1 }, '`exeption`: did you mean `exception`?'],
    ['forceFlush', { timeout: 5 }, '`timeout`: did you mean `timeoutMillis`?'],
    ['MemorySessionStore', { maxEntries: 1 }, '`maxEntries`: did you mean `maxEntriesPerSession`?'],
    ['MemorySessionStore', { ['\u001b[2J\n']: 1 }, String.raw`\u001b[2J\u000a`],
  ])('of %s: %o', async (owner, options, expected) => {
    expect(await said(callsOf()[owner], options)).toContain(expected);
  });

  it('whose name is long is cut', async () => {
    expect(await said(callsOf()['SessionLogs'], { ['x'.repeat(100_000)]: 1 })).toHaveLength(
      (await said(callsOf()['SessionLogs'], { ['y'.repeat(200)]: 1 })).length,
    );
  });
});
