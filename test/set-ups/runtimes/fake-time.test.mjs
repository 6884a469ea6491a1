import { expect, jest, test } from '@jest/globals';

import { RESULTS, runFakeTimeCases } from './fake-time-cases.mjs';

test('readers need no time that stands still, and times that are set come with it', async () => {
  jest.useFakeTimers();
  const results = await runFakeTimeCases({ advance: (millis) => jest.advanceTimersByTime(millis) });
  jest.useRealTimers();
  expect(results).toEqual(RESULTS);
});
