/** Row 6: `pop` beside the entries of others. */
import { startAlone } from './build.ts';
import type { Build } from './build.ts';
import { afterCollection, costOf, full, pair } from './harness.ts';
import type { Row } from './harness.ts';

const POPS = full(20_000);

/** Microseconds of an append and its pop, beside entries that are held for others. */
async function popBeside(held: number, build: Build): Promise<() => Promise<number>> {
  const { sessions, store } = await startAlone(build);
  const now = Date.now();
  for (let n = 0; n < held; n += 1) store.append(`other-${n % 100}`, 'unrelated', now, undefined);
  const reader = sessions.pop('mine');
  const pop = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      store.append('mine', 'mine', now, undefined);
      await reader.next();
    }
  };
  return async () => {
    await afterCollection(() => pop(full(2_000)));
    return (await costOf(POPS, () => pop(POPS))) / 1000;
  };
}

export const rows: readonly Row[] = [
  {
    row: 6,
    what: 'an append and its pop, with 10,000 unrelated entries held',
    unit: 'µs',
    // Both readers live as long as the process: there is nothing to keep.
    ours: async (build) => pair(await popBeside(10_000, build), await popBeside(0, build)),
    base: 'the same with none held',
    quoted: 'the Python original 13,500 µs',
    target: { of: 'figure', atMost: 2 },
  },
];
