/** Runs the cases of fake time under the fake timers of `node:test`, and prints what they came to. */
import { mock } from 'node:test';

import { runFakeTimeCases } from './fake-time-cases.ts';

mock.timers.enable();
const results = await runFakeTimeCases({ advance: (millis) => mock.timers.tick(millis) });
mock.timers.reset();
console.log(JSON.stringify(results));
