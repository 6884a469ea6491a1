import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ZodError } from 'zod';

import {
  defaultStreamHandler,
  logEntryInputSchema,
  logEntrySchema,
  SessionLogs,
  SPECIAL_END_TOKENS,
  SPECIAL_TOKENS,
} from '../../src/index.ts';
import type { LogEntry, Redact } from '../../src/index.ts';
import { sdkLines } from '../support/sdk-lines.ts';

describe.each(sdkLines)('entries of records from elsewhere, %s', (_name, line) => {
  function start(redact?: Redact): {
    emit: (record: object) => LogEntry | undefined;
    sessions: SessionLogs;
    exported: () => { body: unknown; attributes: Record<string, unknown> }[];
  } {
    const sessions = new SessionLogs({ redact });
    const exporter = new line.sdk.InMemoryLogRecordExporter();
    const after = new line.sdk.SimpleLogRecordProcessor({ exporter });
    const provider = new line.sdk.LoggerProvider({ processors: [sessions.processor, after] });
    const logger = provider.getLogger('elsewhere');
    return {
      sessions,
      emit: (record) => {
        logger.emit({ attributes: { 'session.id': 's' }, ...record });
        return sessions.getAllLogsInQueue().at(-1);
      },
      exported: () => exporter.getFinishedLogRecords() as never,
    };
  }

  it('are chat or log by attribute, severity and event name, in this order', () => {
    const { emit } = start();
    const own = (type: string): object => ({ attributes: { 'session.id': 's', 'session_logs.log_type': type } });
    expect(emit({ body: 'x' })?.logType).toBe('chat');
    expect(emit({ body: 'x', severityNumber: 9 })?.logType).toBe('log');
    expect(emit({ body: 'x', severityNumber: 9, ...own('chat') })?.logType).toBe('chat');
    expect(emit({ body: 'x', ...own('log') })?.logType).toBe('log');
    expect(emit({ body: 'x', ...own('nonsense') })?.logType).toBe('chat');
    expect(emit({ body: 'x', eventName: 'gen_ai.system.message' })?.logType).toBe('log');
    expect(emit({ body: 'x', eventName: 'session_logs.stream_start' })?.logType).toBe('chat');
  });

  it('have their kind from the event name, never from the text, and then its token as message', () => {
    const { emit } = start();
    expect(emit({ body: '</end>' })).toMatchObject({ kind: 'text', message: '</end>' });
    const marked = emit({ body: 'anything', eventName: 'session_logs.reasoning_stop' });
    expect(marked).toMatchObject({ kind: 'reasoning-stop', message: '</think>' });
    expect(marked).not.toHaveProperty('eventName');
    expect(emit({ body: 'password 123', eventName: 'session_logs.error' })).toMatchObject({
      kind: 'error',
      message: 'password 123',
    });
    expect(emit({ body: 'x', eventName: 'app.event' })).toMatchObject({ kind: 'text', eventName: 'app.event' });
  });

  it('carry text, severity, attributes and JSON of bodies that are no string', () => {
    const { emit } = start();
    const attributes = { 'session.id': 's', 'session_logs.stream_id': 'a', 'session_logs.other': 1, kept: true };
    expect(emit({ body: { a: [1] }, severityNumber: 13, severityText: 'WARN', attributes })).toMatchObject({
      message: '{"a":[1]}',
      severityNumber: 13,
      severityText: 'WARN',
      streamId: 'a',
      attributes: { kept: true },
    });
    expect(emit({})?.message).toBe('');
    expect(emit({ body: '' })?.message).toBe('');
  });

  it('of an invalid session are exported, not queued, and counted', () => {
    const { emit, sessions, exported } = start();
    for (const id of ['', 'x'.repeat(257), 7]) emit({ body: 'x', attributes: { 'session.id': id } });
    expect(sessions.stats()).toMatchObject({ entries: 0, lost: { invalid_session: 3 } });
    expect(exported()).toHaveLength(3);
  });

  it('are redacted before they are stored and passed on; a dropped one keeps nothing but its session', async () => {
    const { emit, exported } = start((entry) => {
      if (entry.message === 'drop') return undefined;
      entry.message = entry.message.replace('secret', '***');
      delete entry.attributes?.['token'];
      return entry;
    });
    const attributes = { 'session.id': 's', token: 't', keep: 'k' };
    expect(emit({ body: 'a secret', attributes })).toMatchObject({ message: 'a ***', attributes: { keep: 'k' } });
    emit({ body: 'drop', attributes });
    await sleep(1);
    const [kept, dropped] = exported();
    expect(kept).toMatchObject({ body: 'a ***', attributes: { token: '', keep: 'k' } });
    expect(dropped).toMatchObject({ body: '', attributes: { 'session.id': 's', token: '', keep: '' } });
  });
});

describe('schemas', () => {
  it('the input schema fills the defaults and makes UTC milliseconds of any time', () => {
    const input = { sessionId: 's', message: '' };
    expect(logEntryInputSchema.parse(input)).toMatchObject({ ...input, logType: 'chat' });
    expect(logEntryInputSchema.parse(input).timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    for (const timestamp of ['2026-01-02T03:04:05+01:00', 1_767_319_445_000, new Date(1_767_319_445_000)]) {
      expect(logEntryInputSchema.parse({ ...input, timestamp }).timestamp).toBe('2026-01-02T02:04:05.000Z');
    }
  });

  it.each([
    ['sessionId', { sessionId: '', message: 'x' }],
    ['sessionId', { message: 'x' }],
    ['message', { sessionId: 's', message: 5 }],
    ['timestamp', { sessionId: 's', message: 'x', timestamp: 'soon' }],
    ['logType', { sessionId: 's', message: 'x', logType: 'error' }],
  ])('a wrong %s is a ZodError that names it', (field, input) => {
    const { error } = logEntryInputSchema.safeParse(input);
    expect(error).toBeInstanceOf(ZodError);
    expect(error?.issues[0]?.path).toEqual([field]);
  });

  it('the entry schema refuses what is no entry', () => {
    const sessions = new SessionLogs({ loggerProvider: () => undefined });
    void sessions.logChunkToQueue('x', 's');
    const [entry] = sessions.getAllLogsInQueue() as [LogEntry];
    expect(logEntrySchema.parse(entry)).toEqual(entry);
    const wrong = [{ id: '' }, { timestamp: 'now' }, { kind: 'chunk' }, { attributes: 'a' }, { extra: 1 }];
    for (const fields of wrong) expect(logEntrySchema.safeParse({ ...entry, ...fields }).success).toBe(false);
  });
});

describe('tokens', () => {
  afterEach(() => vi.restoreAllMocks());

  it('are the six of the original; two of them end something', () => {
    expect(SPECIAL_TOKENS).toEqual(['<start>', '</end>', '<think>', '</think>', '<tool>', '</tool>']);
    expect(SPECIAL_END_TOKENS).toEqual(['</end>', '</think>']);
  });

  it('get their kind when a message equals one, unless a kind is given', () => {
    const sessions = new SessionLogs({ loggerProvider: () => undefined });
    for (const token of SPECIAL_TOKENS) {
      void sessions.logChunkToQueue(token, 's');
      void sessions.logChunkToQueue(`${token} `, 's');
      void sessions.logChunkToQueue(token, 's', { kind: 'text' });
    }
    const kinds = sessions.getAllLogsInQueue().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'text')).toHaveLength(12);
    expect(kinds.filter((kind) => kind !== 'text')).toEqual([
      'stream-start',
      'stream-end',
      'reasoning-start',
      'reasoning-stop',
      'tool-call-start',
      'tool-call-end',
    ]);
  });

  it('print nothing, or a newline for an end; text goes to stdout without what could drive a terminal', () => {
    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    expect(SPECIAL_TOKENS.map((token) => defaultStreamHandler(token))).toEqual(SPECIAL_TOKENS.map(() => undefined));
    expect(written.splice(0)).toEqual(['\n', '\n']);
    expect(defaultStreamHandler('')).toBe('');
    expect(written).toEqual([]);
    expect(defaultStreamHandler('a\u001b[2J\tb\n\u009b\r')).toBe('a\u001b[2J\tb\n\u009b\r');
    defaultStreamHandler('\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069bidi');
    expect(written).toEqual(['a[2J\tb\n', 'bidi']);
  });
});
