import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { startSessionLogs } from '../src/index.ts';
import { builtProgram } from './support/built-source.ts';
import { RESULTS, runFakeTimeCases } from './support/fake-time-cases.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

describe('readers while a test has faked time', () => {
  afterEach(() => void vi.useRealTimers());

  it('need none of it, and times that are set come with it: vitest', async () => {
    vi.useFakeTimers();
    const results = await runFakeTimeCases({ advance: (millis) => vi.advanceTimersByTimeAsync(millis) });
    expect(results).toEqual(RESULTS);
  });

  it('need none of it, not even turns and microtasks: everything that can be faked', async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'Date', 'hrtime'],
    });
    const results = await runFakeTimeCases({ advance: (millis) => vi.advanceTimersByTime(millis) });
    expect(results).toEqual(RESULTS);
  });

  it.each([true, false])('so do a start, its flush and its shutdown; with a spool: %s', async (isSpooled) => {
    vi.useFakeTimers();
    const exporter = new InMemoryLogRecordExporter();
    const spool = isSpooled ? { directory: temporaryDirectory() } : undefined;
    const directory = temporaryDirectory();
    const sessions = await startSessionLogs({ directory, spool, exporter, console: false, streamHandler: false });
    await sessions.logChunkToQueue('chunk', 'abc');
    await sessions.forceFlush();
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['chunk']);
    await sessions.shutdown();
  });

  it('need none of it, and times that are set come with it: node:test', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [builtProgram('fake-time-child.ts')], {
      timeout: 20_000,
    });
    expect(JSON.parse(stdout)).toEqual(RESULTS);
  });
});
