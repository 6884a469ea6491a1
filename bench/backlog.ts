/** Row 4: nobody reads until many items are held. */
import { afterCollection, costOf, full, keep, repeat } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import * as iterables from './iterables.ts';
import type { Way } from './iterables.ts';
import { freshText } from './texts.ts';

type Make = () => Way;

function filled(make: Make, count: number): Way {
  const way = make();
  for (let n = 0; n < count; n += 1) way.push(freshText(n));
  return way;
}

async function drain(way: Way, count: number): Promise<void> {
  let seen = 0;
  for await (const _ of way.items) if (++seen === count) return;
}

async function drainCost(make: Make, count: number): Promise<Sample> {
  const warmUp = Math.min(count, 5_000);
  const held = filled(make, 2);
  const reader = held.items[Symbol.asyncIterator]();
  keep(held, reader, await reader.next());
  return repeat(
    async () => {
      const [small, way] = [filled(make, warmUp), filled(make, count)];
      await afterCollection(() => drain(small, warmUp));
      const cost = await costOf(count, () => drain(way, count));
      small.close?.();
      way.close?.();
      return cost;
    },
    { rounds: 5 },
  );
}

const ours = (count: number): Measure => {
  return async (build) => drainCost(await iterables.sessionWays(build, 'getSessionLogs'), count);
};
const peer = (make: Make, count: number): Measure => {
  return () => drainCost(make, count);
};

const [DEEP, SHALLOW] = [full(1_000_000), full(10_000)];

export const rows: readonly Row[] = [
  {
    row: 4,
    what: 'an entry of a backlog of 1,000,000 drained',
    unit: 'ns',
    ours: ours(DEEP),
    peers: {
      'hand-written': peer(iterables.handWritten, DEEP),
      'it-pushable': peer(iterables.itPushable, DEEP),
      // Its time grows with the square of the depth.
      'event-iterator, of 20,000': peer(iterables.eventIterator, full(20_000)),
    },
    target: { of: 'figure', atMost: 250 },
  },
  {
    row: 4,
    what: 'an entry of a backlog of 10,000 drained: no growth with depth',
    unit: 'ns',
    ours: ours(SHALLOW),
    peers: { 'hand-written': peer(iterables.handWritten, SHALLOW) },
    target: { of: 'figure', atMost: 250 },
  },
];
