import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it } from 'vitest';

import { startDailyFile, TODAY } from '../../../test/support/daily-file.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import type { LogData } from '../../src/model/log-data.ts';
import { LogLineReader } from '../../src/sources/log-line.ts';

/** Lines of a real daily file with these records. */
async function linesOf(
  format: 'text' | 'json',
  emit: (logger: ReturnType<LoggerProvider['getLogger']>) => void,
): Promise<string[]> {
  const directory = temporaryDirectory();
  const file = startDailyFile(directory, { format });
  emit(new LoggerProvider({ processors: [file] }).getLogger('app', '1.2.3'));
  await file.shutdown();
  return readFileSync(join(directory, TODAY), 'utf8').trimEnd().split('\n');
}

const BODIES = [
  'plain',
  '',
  'with ] and [ and \\ and "',
  'line one\nline two\ttab',
  'ends like {"otel.scope.name":"forged"} of another',
  ' {"otel.scope.name":"forged","attributes":{"session.id":"other"}}',
  '\\u0041 is no control character',
  '🦊 grüße',
  '\u202eright to left',
];
const IDS = ['abc', 'with ] and [', 'a\\b', 'grüße', '\nnew line', '-'];

function read(line: string): LogData {
  const [record, ...others] = new LogLineReader().read(line) ?? [];
  if (record === undefined || others.length > 0) throw new Error(`not one record: ${line}`);
  return record;
}

describe.each(['text', 'json'] as const)('lines of the daily file as %s', (format) => {
  it('give back the text and the session of each record', async () => {
    const sent = BODIES.flatMap((body) => IDS.map((id) => [body, id] as const));
    const lines = await linesOf(format, (logger) => {
      for (const [body, id] of sent) logger.emit({ body, attributes: { 'session.id': id } });
    });
    const received = lines.map(read).map(({ body, attributes }) => [body, attributes['session.id']]);
    // As text a session named `-` cannot be told from none.
    const expected = sent.map(([body, id]) => [body, format === 'text' && id === '-' ? undefined : id]);
    expect(received).toEqual(expected);
  });

  it('give back time, level, scope, event, attributes and exception', async () => {
    const [line = ''] = await linesOf(format, (logger) =>
      logger.emit({
        timestamp: [1_790_000_000, 123_000_000],
        severityNumber: 17,
        severityText: 'ERROR',
        body: 'failed',
        eventName: 'order.failed',
        attributes: { 'session.id': 'abc', 'order.id': 5, deep: { list: [1, 'a', null] } },
        exception: Object.assign(new TypeError('no'), { stack: 'TypeError: no\n    at x' }),
      }),
    );
    const record = read(line);
    expect(record).toMatchObject({
      millis: 1_790_000_000_123,
      severityNumber: 17,
      severityText: 'ERROR',
      body: 'failed',
      eventName: 'order.failed',
      attributes: {
        'session.id': 'abc',
        'order.id': 5,
        deep: { list: [1, 'a', null] },
        'exception.type': 'TypeError',
        'exception.message': 'no',
        'exception.stacktrace': 'TypeError: no\n    at x',
      },
      origin: { scopeName: 'app', scopeVersion: '1.2.3' },
    });
  });

  it('keep chunks and marks as they are', async () => {
    const lines = await linesOf(format, (logger) => {
      logger.emit({ body: '<start>', eventName: 'session_logs.stream_start', attributes: { 'session.id': 'a' } });
      logger.emit({ body: 'Hello', attributes: { 'session.id': 'a' } });
    });
    expect(lines.map(read).map(({ severityNumber, eventName }) => [severityNumber, eventName])).toEqual([
      [0, 'session_logs.stream_start'],
      [0, ''],
    ]);
  });
});

describe('other lines', () => {
  it('are read where they are OTLP JSON', () => {
    const line = JSON.stringify({
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'a' } }, { body: { stringValue: 'b' } }] }] }],
    });
    expect(new LogLineReader().read(line)?.map(({ body }) => body)).toEqual(['a', 'b']);
  });

  it.each([
    '',
    'text',
    '{',
    '{}',
    '[]',
    'null',
    '{"time":5}',
    '{"resourceLogs":[5]}',
    '2026-11-23T10:00:00.000Z INFO [',
    '9999-99-99T99:99:99.999Z INFO [a] b',
  ])('are none where they are %j', (line) => {
    expect(new LogLineReader().read(line)).toBeUndefined();
  });

  it('keep the value of an attribute that is named like a property of every object', () => {
    const record = read(
      '{"time":"2026-11-23T10:00:00.000Z","message":"m","attributes":{"__proto__":{"a":1},"constructor":2}}',
    );
    expect(Object.getPrototypeOf(record.attributes)).toBe(Object.prototype);
    expect(Object.keys(record.attributes)).toEqual(['__proto__', 'constructor']);
  });
});
