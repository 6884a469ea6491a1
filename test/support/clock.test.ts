import { expect, it, vi } from 'vitest';

import { recordDiagnostics } from './diagnostics.ts';

const diagnostics = recordDiagnostics();

it('a clock of the application that fails is told, once a minute', async () => {
  // The minute begins with the module.
  vi.resetModules();
  const { clockOption, elapsedClockOption } = await import('../../src/support/clock.ts');
  const failing = vi
    .fn<() => number>()
    .mockReturnValueOnce(NaN)
    .mockImplementation(() => expect.fail('no clock'));
  const elapsed = elapsedClockOption().parse(failing);
  expect([elapsed?.(), elapsed?.()]).toEqual([0, 0]);
  expect(clockOption().parse(failing)()).toBeGreaterThan(1e12);
  expect(failing).toHaveBeenCalledTimes(3);
  expect(diagnostics.lines).toEqual([
    expect.stringContaining('`now` did not return a number; no time passes meanwhile'),
  ]);
});
