/** Row 6: `pop` beside the entries of others. */
import { startAlone } from './build.ts';
import type { Build } from './build.ts';
import { afterCollection, costOf, full, keep, pair } from './harness.ts';
import type { Row } from './harness.ts';

const POPS = full(20_000);

async function popBeside(held: number, build: Build): Promise<number> {
  const sessions = await startAlone(build);
  for (let n = 0; n < held; n += 1) void sessions.logChunkToQueue('unrelated', `other-${n % 100}`);
  const reader = sessions.pop('mine');
  const pop = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      void sessions.logChunkToQueue('mine', 'mine');
      await reader.next();
    }
  };
  await afterCollection(() => pop(full(2_000)));
  const cost = await costOf(POPS, () => pop(POPS));
  await reader.return();
  await sessions.shutdown();
  return cost / 1000;
}

export const rows: readonly Row[] = [
  {
    row: 6,
    what: 'a write and its pop, with 10,000 unrelated entries held',
    unit: 'us',
    async ours(build) {
      const sessions = await startAlone(build);
      void sessions.logChunkToQueue('kept', 'kept');
      void sessions.logChunkToQueue('kept', 'kept');
      const reader = sessions.pop('kept');
      await reader.next();
      keep(sessions, reader);
      return pair(
        () => popBeside(10_000, build),
        () => popBeside(0, build),
      );
    },
    base: 'the same with none held',
    quoted: 'the Python original 13,500 us',
    target: { of: 'figure', atMost: 2 },
  },
];
