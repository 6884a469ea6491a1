import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, it } from 'vitest';

import {
  isSessionId,
  MemorySessionStore,
  SessionLogRecordProcessor,
  SessionLogs,
  signSessionLink,
  startSessionLogs,
} from '../src/index.ts';

describe('wrong input is refused at once, with the name and the value, and nothing is half done', () => {
  let sessions = new SessionLogs({ loggerProvider: () => undefined });
  afterEach(async () => {
    expect(sessions.stats()).toMatchObject({ sessions: 0, readers: 0, entries: 0 });
    expect(sessions.allSessionsInQueues).toEqual([]);
    await sessions.shutdown();
    sessions = new SessionLogs({ loggerProvider: () => undefined });
  });

  const wrongIds: readonly (readonly [string, unknown, RegExp])[] = [
    ['empty', '', /1 to 256 characters, got "" \(string\)/],
    ['too long', 'x'.repeat(257), /1 to 256 characters, got "xxx.*257 characters long/],
    ['a number', 7, /got 7 \(number\)/],
    ['missing', undefined, /got undefined/],
    ['null', null, /got null/],
    ['an object', {}, /got an object/],
  ];

  it.each(wrongIds)('a session id that is %s, in every method', (_name, id, message) => {
    const wrong = id as string;
    const calls: [string, () => unknown][] = [
      ['logChunkToQueue', () => sessions.logChunkToQueue('x', wrong)],
      ['getSessionLogs', () => sessions.getSessionLogs(wrong)],
      ['followSession', () => sessions.followSession(wrong)],
      ['pop', () => sessions.pop(wrong)],
      ['endSession', () => sessions.endSession(wrong)],
      ['deleteSession', () => sessions.deleteSession(wrong)],
      ['session', () => sessions.session(wrong)],
      ['withSession', () => sessions.withSession(wrong, () => expect.unreachable())],
      ['toReadableStream', () => sessions.toReadableStream(wrong)],
    ];
    for (const [owner, call] of calls) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(message);
      expect(call).toThrow(owner);
    }
  });

  it('isSessionId tells before what would be thrown', () => {
    for (const [, id] of wrongIds) expect(isSessionId(id)).toBe(false);
    for (const id of ['a', '\n', '__proto__', '../..', 'x'.repeat(256)]) {
      expect(isSessionId(id)).toBe(true);
      expect(() => sessions.session(id)).not.toThrow();
    }
  });

  it('docs/run.md says which calls throw at once, and which reject', async () => {
    const page = readFileSync(new URL('../docs/run.md', import.meta.url), 'utf8');
    const [, section = ''] = page.split('### What throws at once, and what rejects');
    const source = (async function* () {})();
    const handle = sessions.session('s');
    const wrong = { zzzz: 1 } as never;
    const calls: Record<string, () => unknown> = {
      logChunkToQueue: () => sessions.logChunkToQueue('x', ''),
      consume: () => sessions.consume('', source),
      write: () => handle.write('x', wrong),
      tap: () => sessions.tap('', source),
      'logger.*': () => sessions.logger.info('x', {}, wrong),
      session: () => sessions.session(''),
      withSession: () => sessions.withSession('', () => expect.unreachable()),
      endSession: () => sessions.endSession(''),
      deleteSession: () => sessions.deleteSession(''),
      mark: () => handle.mark('x' as never),
      getSessionLogs: () => sessions.getSessionLogs(''),
      followSession: () => sessions.followSession(''),
      followAll: () => sessions.followAll(wrong),
      replaySession: () => sessions.replaySession(''),
      pop: () => sessions.pop(''),
      getAllLogsInQueue: () => sessions.getAllLogsInQueue(wrong),
      toReadableStream: () => sessions.toReadableStream(''),
      eventStreamHandler: () => sessions.eventStreamHandler(wrong),
      signSessionLink: () => signSessionLink('', wrong),
      new: () => new SessionLogs(wrong),
      shutdown: () => sessions.shutdown(wrong),
      distribute: () => sessions.distribute(wrong),
      startSessionLogs: () => startSessionLogs(wrong),
      toEventStreamResponse: () => sessions.toEventStreamResponse(''),
      sendEventStream: () => sessions.sendEventStream({} as never, ''),
      answerState: () => sessions.answerState(''),
      flushSession: () => sessions.flushSession(''),
      forceFlush: () => sessions.forceFlush(wrong),
      eraseSession: () => sessions.eraseSession(''),
    };
    const rows = (section.split('\n### ')[0] ?? '')
      .split('\n')
      .filter((line) => line.startsWith('| `') && line.split('|').length === 5);
    const said = rows.flatMap((row) => {
      const [, names = '', what = ''] = row.split('|');
      // `end` of a handle takes no argument.
      return [...names.matchAll(/`([^`]+)`/g)].map(
        ([, name = '']) => [name, what.includes('thrown by the call')] as const,
      );
    });
    const told = new Map(said.filter(([name]) => name !== 'end'));
    expect([...told.keys()].toSorted()).toEqual(Object.keys(calls).toSorted());
    for (const [name, throws] of told) {
      if (throws) expect(calls[name], name).toThrow(TypeError);
      else await expect((calls[name] as () => unknown)(), name).rejects.toThrow(TypeError);
    }
  });

  it.each([7, undefined, null, {}, ['x'], Symbol('s'), 1n])('a message that is no string: %o', (message) => {
    expect(() => sessions.logChunkToQueue(message as string, 's')).toThrow(TypeError);
    expect(() => sessions.logChunkToQueue(message as string, 's')).toThrow(/message to be a string, got /);
    expect(() => sessions.logger.info(message as string)).toThrow(/logger\.info: .*message to be a string, got /);
  });

  const writeOptions: readonly (readonly [object, RegExp])[] = [
    [{ kinds: 'text' }, /unknown option `kinds`/],
    [{ kind: 'txt' }, /`kind` to be 'text', 'stream-start', .* or 'error', got "txt" \(string\)/],
    [{ logType: 'LOG' }, /`logType` to be 'chat' or 'log', got "LOG"/],
    [{ attributes: 'a=b' }, /`attributes` to be an object, got "a=b"/],
    [{ attributes: [] }, /`attributes` to be an object, got an array of 0/],
    [{ timestamp: 'yesterday' }, /`timestamp` to be a time that Date can parse, got "yesterday"/],
    [{ timestamp: Number.NaN }, /`timestamp`.* got NaN \(number\)/],
    [{ timestamp: 8.64e15 }, /`timestamp`/],
    [{ streamId: '' }, /`streamId`.* got ""/],
    [{ streamId: 5 }, /`streamId`.* got 5/],
  ];
  it.each(writeOptions)('a write option: %o', (options, message) => {
    expect(() => sessions.logChunkToQueue('x', 's', options)).toThrow(TypeError);
    expect(() => sessions.logChunkToQueue('x', 's', options)).toThrow(message);
  });

  const readerOptions: readonly (readonly [unknown, RegExp])[] = [
    [{ form: 'start' }, /unknown option `form`/],
    [
      { from: 'begin' },
      /`from` to be 'unread', 'start', 'now', 'stream', \{ after: id \} or \{ last: n \}, got "begin"/,
    ],
    [{ from: { after: 5 } }, /`from.after` to be a string, got 5 \(number\)/],
    [{ from: { last: -1 } }, /`from.last` to be a whole number, 0 or more, got -1 \(number\)/],
    [{ from: { last: 1.5 } }, /`from.last`.* got 1.5 \(number\)/],
    [{ from: { last: '5' } }, /`from.last`.* got "5" \(string\)/],
    [{ from: { last: Infinity } }, /`from.last`.* got Infinity \(number\)/],
    [{ from: { last: Number.NaN } }, /`from.last`.* got NaN \(number\)/],
    [{ from: { last: undefined } }, /`from.last`.* got undefined/],
    [{ from: { last: 5, after: 'x' } }, /`from` to be .*\{ after: id \} or \{ last: n \}, got an object/],
    [{ from: {} }, /`from/],
    [{ from: 5 }, /`from` to be .* got 5 \(number\)/],
    [{ from: { after: 'x', before: 'y' } }, /unknown option `from.before`/],
    [{ until: 'end' }, /`until` to be 'session-end', 'stream-end' or 'caught-up', got "end"/],
    [{ logType: 'error' }, /`logType` to be 'chat', 'log' or 'all', got "error"/],
    [
      { minimumSeverity: 'warning' },
      /`minimumSeverity` to be 'trace', 'debug', 'info', 'warn', 'error', 'fatal', or a severity number, 0 to 24, got "warning"/,
    ],
    [{ minimumSeverity: 'info5' }, /`minimumSeverity`.* got "info5"/],
    [{ minimumSeverity: 25 }, /`minimumSeverity`.* got 25 \(number\)/],
    [{ minimumSeverity: 9.5 }, /`minimumSeverity`.* got 9.5/],
    [{ minimumSeverity: Number.NaN }, /`minimumSeverity`.* got NaN/],
    [{ tokens: 'yes' }, /`tokens` to be a boolean, got "yes"/],
    [{ wait: 0 }, /`wait` to be a boolean, got 0/],
    [
      { idleTimeoutMillis: -1 },
      /`idleTimeoutMillis` to be a number of milliseconds, 0 or more, or Infinity for never, got -1 \(number\)/,
    ],
    [{ idleTimeoutMillis: Number.NaN }, /`idleTimeoutMillis`.* got NaN/],
    [{ signal: new AbortController() }, /`signal` to be an AbortSignal, got an object/],
    [{ onGap: true }, /`onGap` to be a function, got true/],
    ['start', /expected an options object, got "start"/],
    [null, /expected an options object, got null/],
  ];
  it.each(readerOptions)('a reader option: %o', (options, message) => {
    for (const read of ['getSessionLogs', 'followSession'] as const) {
      expect(() => sessions[read]('s', options as object)).toThrow(TypeError);
      expect(() => sessions[read]('s', options as object)).toThrow(message);
      expect(() => sessions[read]('s', options as object)).toThrow(read);
    }
  });

  it('a bare number where options belong names what was meant', () => {
    for (const read of ['getSessionLogs', 'followSession', 'pop'] as const) {
      expect(() => sessions[read]('s', 5 as never)).toThrow(TypeError);
      expect(() => sessions[read]('s', 5 as never)).toThrow(/got 5 \(number\).*idleTimeoutMillis/);
    }
    expect(() => sessions.pop('s', 5 as never)).toThrow(/there is no poll interval/);
    expect(() => sessions.pop('s', { from: 'start' } as never)).toThrow(/pop: unknown option `from`/);
  });

  const bounds = [
    'maxEntriesPerSession',
    'maxBytesPerSession',
    'maxBytes',
    'maxSessions',
    'maxReaders',
    'maxReadersPerSession',
    'reservedShare',
    'idleTtlMillis',
    'endedTtlMillis',
  ] as const;
  it.each(bounds)('%s of the memory store', (name) => {
    for (const value of [-1, Number.NaN, ...(name.endsWith('TtlMillis') ? [] : [Infinity]), '5', null]) {
      expect(() => new MemorySessionStore({ [name]: value })).toThrow(TypeError);
      expect(() => new MemorySessionStore({ [name]: value })).toThrow(`\`${name}\``);
      expect(() => new MemorySessionStore({ [name]: value })).toThrow(/got (-1|NaN|Infinity|"5"|null)/);
    }
    expect(() => new MemorySessionStore({ [name]: undefined })).not.toThrow();
  });

  it('the other options of stores, processors and the facade', async () => {
    const calls: [() => unknown, RegExp][] = [
      [() => new MemorySessionStore({ maxEntriesPerSession: 1.5 }), /a positive integer, got 1.5/],
      [() => new MemorySessionStore({ maxEntriesPerSession: 0 }), /a positive integer, got 0/],
      [
        () => new MemorySessionStore({ overflow: 'drop' as never }),
        /`overflow` to be 'drop-oldest' or 'drop-newest', got "drop"/,
      ],
      [() => new MemorySessionStore({ maxEntries: 1 } as never), /unknown option `maxEntries`/],
      [() => new MemorySessionStore(7 as never), /expected an options object, got 7/],
      [() => new SessionLogs({ stor: {} } as never), /SessionLogs: unknown option `stor`/],
      [() => new SessionLogs({ store: {} as never }), /`store` to be a SessionStore/],
      [
        () => new SessionLogs({ redact: [/secret/] as never }),
        /`redact` to be a function, or what patternRedaction makes of patterns, got an array of 1/,
      ],
      [() => new SessionLogs({ streamHandler: true as never }), /`streamHandler` to be a function or false, got true/],
      [() => new SessionLogs({ sessionIdKeys: [] }), /`sessionIdKeys`/],
      [() => new SessionLogs({ baggage: true as never }), /`baggage`/],
      [() => new SessionLogs({ loggerProvider: {} as never }), /`loggerProvider`/],
      [() => new SessionLogs({ durable: {} as never }), /`durable`/],
      [() => new SessionLogRecordProcessor({ redactor: 1 } as never), /unknown option `redactor`/],
      [() => sessions.getAllLogsInQueue({ limit: -1 }), /`limit`.* got -1/],
      [() => sessions.getAllLogsInQueue({ limit: Number.NaN }), /`limit`.* got NaN/],
      [() => sessions.getAllLogsInQueue({ limit: 0.5 }), /`limit` to be a number of entries, 0 or more, got 0.5/],
      [() => sessions.distribute({ finite: 1 as never }), /`finite` to be a boolean, got 1/],
      [
        () => sessions.session('s').mark('text' as never),
        /mark: expected the kind to be 'stream-start', .* or 'tool-call-end', got "text" \(string\)/,
      ],
      [() => sessions.withSession('s', 5 as never), /expected a function, got 5/],
    ];
    for (const [call, message] of calls) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(message);
    }
    await expect(sessions.forceFlush({ timeoutMillis: -1 })).rejects.toThrow(/`timeoutMillis`.* got -1/);
  });

  it('a wrong timeout does not count as a shutdown', async () => {
    expect(() => sessions.shutdown({ timeoutMillis: Number.NaN })).toThrow(/shutdown: .*`timeoutMillis`.* got NaN/);
    await sessions.logChunkToQueue('still open', 's');
    expect(sessions.stats().entries).toBe(1);
    sessions.deleteSession('s');
  });

  it('the options of startSessionLogs', async () => {
    const starts: [object, RegExp][] = [
      [{ endpoint: 'no url' }, /`endpoint`.*got "no url"/],
      [{ retentionDays: -1 }, /`retentionDays`.*got -1/],
      [{ retentionDays: Number.NaN }, /`retentionDays`.*got NaN/],
      [{ minimumSeverity: { files: 9 } }, /unknown option `minimumSeverity.files`/],
      [{ directory: 5 }, /`directory`.*got 5/],
      [{ directories: 'x' }, /unknown option `directories`/],
    ];
    for (const [options, message] of starts) {
      await expect(startSessionLogs(options)).rejects.toThrow(TypeError);
      await expect(startSessionLogs(options)).rejects.toThrow(message);
    }
  });
});
