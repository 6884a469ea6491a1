import { expect, it } from 'vitest';

import { randomNumbers } from '../support/properties.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { expectNoTrace, show } from './erase-show.ts';

const SESSIONS = Number(process.env['ERASE_SESSIONS'] ?? 150);
const ERASED = Number(process.env['ERASE_ERASED'] ?? 15);
const KILLS = Number(process.env['ERASE_KILLS'] ?? 5);

it(`${ERASED} of ${SESSIONS} sessions are gone without a trace, while two processes write to all of them and a third is killed while it erases`, async () => {
  const directory = temporaryDirectory();
  const options = { directory, sessions: SESSIONS, erased: ERASED, kills: KILLS, random: randomNumbers() };
  const result = await show(options);
  expectNoTrace(result, options);
  for (const { receipt, expected } of result.receipts) {
    expect(receipt.store.entries).toBe(expected.entries);
    expect(receipt.remains).toEqual([]);
  }
}, 600_000);
