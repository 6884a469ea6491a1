/** Runs the cases of a recorder under the fake timers of `node:test`, and prints what they came to. */
import { mock } from 'node:test';

import { runRecorderCases } from './recorder-cases.ts';

const isBefore = process.argv[2] === 'before';
if (isBefore) mock.timers.enable();
const results = await runRecorderCases(() => {
  if (!isBefore) mock.timers.enable();
});
mock.timers.reset();
console.log(JSON.stringify(results));
