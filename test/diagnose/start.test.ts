import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { context, logs } from '@opentelemetry/api';
import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { sharedSessionLogs, startSessionLogs } from '../../src/index.ts';
import type { SessionLogs } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { codesOf, collector, foundOf, withEnvironment } from './diagnosing.ts';

const diagnostics = recordDiagnostics();

const API_LOGS = Symbol.for('io.opentelemetry.js.api.logs');

/** What `node --import otel-session-logs/register` does; each with a module of its own, as processes have. */
async function register(name: string): Promise<SessionLogs> {
  onTestFinished(() => {
    logs.disable();
    context.disable();
    delete (globalThis as Record<symbol, unknown>)[API_LOGS];
  });
  const module = `../../src/register.ts?${name}`;
  await import(/* @vite-ignore */ module);
  const sessions = sharedSessionLogs();
  onTestFinished(() => sessions.shutdown({ timeoutMillis: 500 }).catch(() => {}));
  return sessions;
}

const STARTED = 'the instance was started, by startSessionLogs or register, with a provider of its own';

describe('what a start could not do', () => {
  it('nothing is told where all went well', async () => {
    withEnvironment({ LOGS_PATH: temporaryDirectory() });
    const diagnosis = await (await register('well')).diagnose();
    expect(codesOf(diagnosis)).toEqual([]);
    expect(diagnosis.checked).toContain(STARTED);
  });

  it('the daily file of `register`, while the rest works', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    writeFileSync(directory, '');
    withEnvironment({ LOGS_PATH: directory });
    const diagnosis = await (await register('no-directory')).diagnose();
    expect(diagnosis.checked).toContain(STARTED);
    expect(foundOf(diagnosis, 'start_failed')).toEqual([
      {
        code: 'start_failed',
        problem: expect.stringMatching(new RegExp(`^no daily file is written: .*${directory}`)) as string,
        fix: 'set LOGS_PATH to a writable directory',
      },
    ]);
    // As it was said at the start.
    expect(diagnostics.lines.join()).toContain('no daily file is written');
  });

  it('the export of `register`, which leaves it to another SDK', async () => {
    const { url, requests } = await collector();
    withEnvironment({ LOGS_PATH: temporaryDirectory(), OTEL_EXPORTER_OTLP_ENDPOINT: url });
    const sdk = new LoggerProvider({
      processors: [new BatchLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() })],
    });
    logs.setGlobalLoggerProvider(sdk);
    const sessions = await register('beside-an-sdk');
    await sessions.logChunkToQueue('one', 's');
    await sessions.forceFlush();
    expect(requests).toEqual([]);
    const [found] = foundOf(await sessions.diagnose(), 'start_failed');
    expect(found?.problem).toBe(
      'otel-session-logs/register does not export logs, because another SDK owns the global logger provider and exports them',
    );
    expect(found?.fix).toMatch(/^set OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to export both, or put `--import /);
  });

  it('an instance that nothing has started says nothing of a start', async () => {
    const started = await startSessionLogs({ file: false, console: false, streamHandler: false });
    expect((await started.diagnose()).checked).toContain(STARTED);
    await started.shutdown();
    expect((await sharedSessionLogs().diagnose()).checked).not.toContain(STARTED);
  });
});
