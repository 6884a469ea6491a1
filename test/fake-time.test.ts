import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { builtProgram } from './support/built-source.ts';
import { RESULTS, runFakeTimeCases } from './support/fake-time-cases.ts';

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

  it('need none of it, and times that are set come with it: node:test', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [builtProgram('fake-time-child.ts')], {
      timeout: 20_000,
    });
    expect(JSON.parse(stdout)).toEqual(RESULTS);
  });
});
