import { runInNewContext } from 'node:vm';

import { expect, onTestFinished, test } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

/** A signal of another realm, or of a library: no instance of our `AbortSignal`. */
function foreignSignal(): AbortSignal {
  const own = new AbortController().signal;
  return runInNewContext(
    `({
      aborted: false,
      reason: undefined,
      addEventListener: (...args) => own.addEventListener(...args),
      removeEventListener: (...args) => own.removeEventListener(...args),
    })`,
    { own },
  ) as AbortSignal;
}

test('what an AbortSignal is has one answer: a reader and distribute take one of another realm', async () => {
  const sessions = new SessionLogs();
  onTestFinished(() => sessions.shutdown());
  expect(foreignSignal()).not.toBeInstanceOf(AbortSignal);
  sessions.getSessionLogs('s', { signal: foreignSignal() });
  await sessions.distribute({ finite: true, signal: foreignSignal() });
});

test.each([
  {},
  { aborted: false, addEventListener: () => {} },
  { aborted: 'no', addEventListener: () => {}, removeEventListener: () => {} },
  new AbortController(),
])('what is none is refused by both: %o', async (signal) => {
  const sessions = new SessionLogs();
  onTestFinished(() => sessions.shutdown());
  const wrong = { signal: signal as unknown as AbortSignal };
  expect(() => sessions.getSessionLogs('s', wrong)).toThrow(/`signal` to be an AbortSignal/);
  await expect((async () => sessions.distribute(wrong))()).rejects.toThrow(/`signal` to be an AbortSignal/);
});
