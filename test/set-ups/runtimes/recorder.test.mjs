import { expect, jest, test } from '@jest/globals';

test.each(['before the package is loaded', 'before the recorder is made', 'afterwards'])(
  'a recorder needs no time that stands still: %s',
  async (when) => {
    if (when === 'before the package is loaded') jest.useFakeTimers();
    const { RECORDED, runRecorderCases } = await import('./recorder-cases.mjs');
    if (when === 'before the recorder is made') jest.useFakeTimers();
    const results = await runRecorderCases(() => {
      if (when === 'afterwards') jest.useFakeTimers();
    });
    jest.useRealTimers();
    expect(results).toEqual(RECORDED);
  },
);
