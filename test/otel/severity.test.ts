import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { SeverityNumber } from '@opentelemetry/api-logs';
import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';

import { SessionLogs, startSessionLogs } from '../../src/index.ts';
import type { Severity } from '../../src/index.ts';
import { severityOption } from '../../src/otel/severity.ts';
import { loggerOver, startDailyFile, TODAY } from '../support/daily-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('minimumSeverity', () => {
  it('takes each name of OpenTelemetry in any case, and each of its numbers', () => {
    const option = severityOption();
    for (const [name, number] of Object.entries(SeverityNumber)) {
      if (typeof number !== 'number') continue;
      expect(option.parse(number)).toBe(number);
      if (name === 'UNSPECIFIED') continue;
      const mixed = `${name.slice(0, 1)}${name.slice(1).toLowerCase()}`;
      for (const given of [name, name.toLowerCase(), mixed]) expect(option.parse(given)).toBe(number);
    }
  });

  it.each([
    '',
    'UNSPECIFIED',
    'warning',
    'warn1',
    'warn5',
    'warn ',
    '13',
    'constructor',
    '__proto__',
    -1,
    25,
    0.5,
    null,
  ])('refuses %j', (wrong) => {
    expect(severityOption().safeParse(wrong).success).toBe(false);
  });

  it('is typed: names in lower and upper case, and numbers', () => {
    expectTypeOf<'warn' | 'WARN' | 'info4' | 'FATAL2' | 13>().toExtend<Severity>();
    expectTypeOf<'warning'>().not.toExtend<Severity>();
  });

  it('of a reader, also over HTTP', async () => {
    const sessions = new SessionLogs({ loggerProvider: () => undefined });
    onTestFinished(() => sessions.shutdown());
    sessions.withSession('s', () => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) sessions.logger[level](level);
    });
    const options = { minimumSeverity: 'Warn' as Severity, until: 'caught-up', logType: 'log' } as const;
    const read: string[] = [];
    for await (const text of sessions.getSessionLogs('s', options)) read.push(text);
    expect(read).toEqual(['warn', 'error']);
    const response = await sessions.toEventStreamResponse('s', { ...options, from: 'start' });
    const body = await response.text();
    expect(body.match(/"message":"\w+"/g)).toEqual(['"message":"warn"', '"message":"error"']);
  });

  it('of the daily file', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { minimumSeverity: 'WARN' });
    const logger = loggerOver(file);
    logger.emit({ body: 'below', severityNumber: 12 });
    logger.emit({ body: 'at', severityNumber: 13 });
    await file.forceFlush();
    expect(file.enabled({ severityNumber: 12 } as never)).toBe(false);
    expect(readFileSync(join(directory, TODAY), 'utf8')).toMatch(/^\S+ WARN \[-\] at .*\n$/);
  });

  it('of each destination of a start', async () => {
    const exporter = new InMemoryLogRecordExporter();
    const directory = temporaryDirectory();
    const sessions = await startSessionLogs({
      directory,
      exporter,
      console: false,
      streamHandler: false,
      minimumSeverity: { file: 'fatal', console: 'info2', export: 'error' },
    });
    sessions.logger.warn('warn');
    sessions.logger.error('error');
    await sessions.forceFlush();
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['error']);
    await sessions.shutdown();
    await expect(startSessionLogs({ minimumSeverity: { file: 'warning' as never } })).rejects.toThrow(
      /expected `minimumSeverity.file` to be 'trace', .* got "warning" \(string\)/,
    );
  });
});
