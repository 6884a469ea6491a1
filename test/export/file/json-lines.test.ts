import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { anything, assert, asyncProperty, dictionary, string } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { startSessionLogs } from '../../../src/index.ts';
import { startDailyFile, TODAY } from '../../support/daily-file.ts';
import { runs } from '../../support/properties.ts';
import { sdkLines } from '../../support/sdk-lines.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

// oxlint-disable-next-line no-control-regex
const NOT_IN_A_LINE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

type Line = Record<string, unknown>;

/** The lines of today's file, each parsed; a line that is no JSON object fails the test. */
function linesIn(directory: string, name = TODAY): Line[] {
  const text = readFileSync(join(directory, name), 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      expect(line).not.toMatch(NOT_IN_A_LINE);
      const value: unknown = JSON.parse(line);
      expect(value).toBeTypeOf('object');
      return value as Line;
    });
}

describe.each(sdkLines)('JSON lines of the daily file (SDK %s)', (_line, { sdk }) => {
  it('have the time, severity, session, body, attributes, exception, trace ids and scope', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { format: 'json' });
    const logger = new sdk.LoggerProvider({ processors: [file] }).getLogger('app', '1.2.3');
    const timestamp = Date.UTC(2026, 10, 23, 10);
    const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
    logger.emit({
      body: 'it \u001b[31mfailed\u001b[0m\nbadly',
      severityNumber: 18,
      severityText: 'ERROR2',
      timestamp,
      eventName: 'order.failed',
      context: trace.setSpanContext(ROOT_CONTEXT, spanContext),
      attributes: {
        'session.id': 'my session',
        'session_logs.log_type': 'log',
        order: { id: 5, tags: ['a', 'b'] },
        'exception.type': 'TypeError',
        'exception.message': 'no',
        'exception.stacktrace': 'TypeError: no\n    at x',
      },
    });
    logger.emit({ body: { a: [1, { b: null }], text: 'x' }, timestamp });
    logger.emit({ body: 42, timestamp });
    logger.emit({ timestamp, eventName: 'only.an.event' });
    await file.forceFlush();
    const rest = { time: '2026-11-23T10:00:00.000Z', level: 'CHAT', scope: { name: 'app', version: '1.2.3' } };
    expect(linesIn(directory)).toEqual([
      {
        ...rest,
        level: 'ERROR',
        severity_number: 18,
        severity_text: 'ERROR2',
        session_id: 'my session',
        message: 'it failed\nbadly',
        event_name: 'order.failed',
        attributes: { order: { id: 5, tags: ['a', 'b'] } },
        exception: { type: 'TypeError', message: 'no', stacktrace: 'TypeError: no\n    at x' },
        trace_id: spanContext.traceId,
        span_id: spanContext.spanId,
        trace_flags: '01',
      },
      { ...rest, message: '{"a":[1,{"b":null}],"text":"x"}', body: { a: [1, { b: null }], text: 'x' } },
      { ...rest, message: '42', body: 42 },
      { ...rest, message: '', event_name: 'only.an.event' },
    ]);
    expect(file.stats()).toMatchObject({ written: 4, misformatted: 0, lost: {} });
  });

  it('are valid and one each, whatever a record holds', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { format: 'json' });
    const provider = new sdk.LoggerProvider({ processors: [file] });
    let count = 0;
    await assert(
      asyncProperty(
        anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        string({ unit: 'binary' }),
        dictionary(string({ unit: 'binary' }), anything()),
        async (body, text, attributes) => {
          const record = { eventName: text, severityText: text, attributes: { ...attributes, 'session.id': text } };
          provider.getLogger(text).emit({ ...record, body });
          provider.getLogger(text).emit({ ...record, body: `${text}\ud83d` });
          await file.forceFlush();
          count += 2;
          expect(linesIn(directory)).toHaveLength(count);
        },
      ),
      runs(60),
    );
    expect(file.stats().lost).toEqual({});
  });

  it('have no half of a surrogate pair, which strict parsers refuse, and keep what looks like one', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { format: 'json' });
    const logger = new sdk.LoggerProvider({ processors: [file] }).getLogger('app');
    const text = 'half \ud83d whole 😀 other half \ude00 and text: \\ud83d \\\\ud83d';
    logger.emit({ body: text, attributes: { text, nested: { text } } });
    await file.forceFlush();
    const raw = readFileSync(join(directory, TODAY), 'utf8');
    expect(raw.replaceAll('\\\\', '')).not.toMatch(/\\ud[89a-f]/);
    const shown = 'half \ufffd whole 😀 other half \ufffd and text: \\ud83d \\\\ud83d';
    expect(linesIn(directory)).toMatchObject([
      { message: shown, attributes: { text: shown, nested: { text: shown } } },
    ]);
  });
});

describe('JSON lines of a start', () => {
  it('tell an exception with its causes, and survive what the text lines do', async () => {
    const directory = temporaryDirectory();
    const options = {
      directory,
      console: false,
      streamHandler: false,
      file: { format: 'json', fileName: 'app' },
    } as const;
    const sessions = await startSessionLogs(options);
    sessions.withSession('s', () =>
      sessions.logger.error(
        'failed',
        { __proto__: null, id: 1n, at: new Date(0) },
        {
          exception: new Error('outer', { cause: new TypeError('inner') }),
        },
      ),
    );
    await sessions.logChunkToQueue('a chunk', 's');
    await sessions.shutdown();
    const day = new Date();
    const name = `app.${day.getFullYear()}-${`${day.getMonth() + 1}`.padStart(2, '0')}-${`${day.getDate()}`.padStart(2, '0')}.log`;
    const [failed, chunk] = linesIn(directory, name);
    expect(failed).toMatchObject({
      level: 'ERROR',
      severity_number: 17,
      session_id: 's',
      message: 'failed',
      attributes: { id: '1', at: '1970-01-01T00:00:00.000Z' },
      exception: {
        type: 'Error',
        message: 'outer',
        stacktrace: expect.stringContaining('Caused by: TypeError: inner') as string,
      },
    });
    expect(failed).not.toHaveProperty('severity_text');
    expect(chunk).toMatchObject({ level: 'CHAT', message: 'a chunk', session_id: 's' });
    expect(chunk).not.toHaveProperty('attributes');
  });
});
