/** Row 3: what a reader alone costs, the append subtracted, beside other ways to an async iterable. */
import type { Build } from './build.ts';
import { afterCollection, costOf, full, keep, nextTurn, pair, repeat } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import * as iterables from './iterables.ts';
import type { Way } from './iterables.ts';
import { freshText } from './texts.ts';

const ITEMS = full(100_000);
const WARM_UP = full(5_000);
const PER_TURN = 500;
const ROUNDS = { rounds: 9, warmUps: 3 };

type Make = () => Way;

async function pushAll(way: Way, items: number): Promise<void> {
  for (let n = 0; n < items; n += 1) {
    way.push(freshText(n));
    if (n % PER_TURN === PER_TURN - 1) await nextTurn();
  }
}

/** Pushes, some items in each turn of the event loop, and reads. */
async function pushAndRead(way: Way, items: number): Promise<void> {
  const reading = (async () => {
    let seen = 0;
    for await (const _ of way.items) if (++seen === items) return;
  })();
  await pushAll(way, items);
  await reading;
}

async function itemCost(make: Make, work: (way: Way, items: number) => Promise<void>): Promise<number> {
  const [first, way] = [make(), make()];
  await afterCollection(() => work(first, WARM_UP));
  const cost = await costOf(ITEMS, () => work(way, ITEMS));
  first.close?.();
  way.close?.();
  return cost;
}

/** One that has been read, and is held; one whose reader waits. */
async function keepSome(make: Make): Promise<void> {
  const [held, waiting] = [make(), make()];
  const [reader, waitingReader] = [held.items[Symbol.asyncIterator](), waiting.items[Symbol.asyncIterator]()];
  const first = reader.next();
  held.push('kept');
  keep(held, reader, await first, waiting, waitingReader, waitingReader.next());
}

/** With its push, which costs these next to nothing. */
const peer = (make: Make): Measure => {
  return async () => {
    await keepSome(make);
    return repeat(() => itemCost(make, pushAndRead), ROUNDS);
  };
};

async function readerAlone(build: Build, read: 'getSessionLogs' | 'followSession'): Promise<Sample> {
  const make = await iterables.sessionWays(build, read);
  await keepSome(make);
  const { figure, base } = await pair(
    () => itemCost(make, pushAndRead),
    () => itemCost(make, pushAll),
    ROUNDS,
  );
  return { figure: figure - base, also: figure };
}

const HAND_WRITTEN = 'hand-written next()';

export const rows: readonly Row[] = [
  {
    row: 3,
    what: 'a reader alone, per chunk, 500 in each turn: getSessionLogs',
    unit: 'ns',
    ours: (build) => readerAlone(build, 'getSessionLogs'),
    also: 'ns with the append',
    peers: {
      [HAND_WRITTEN]: peer(iterables.handWritten),
      'it-pushable': peer(iterables.itPushable),
      'events.on': peer(iterables.eventsOn),
      'async function*': peer(iterables.asyncGenerator),
      'web ReadableStream': peer(iterables.webStream),
      PassThrough: peer(iterables.passThrough),
      Repeater: peer(iterables.repeater),
    },
    // Set where that one cost 74 ns, as 110: what holds from machine to machine is the ratio.
    target: { of: HAND_WRITTEN, atMost: 1.49 },
  },
  {
    row: 3,
    what: 'the same with whole entries: followSession',
    unit: 'ns',
    ours: (build) => readerAlone(build, 'followSession'),
    also: 'ns with the append',
    peers: { [HAND_WRITTEN]: peer(iterables.handWritten) },
    target: { of: HAND_WRITTEN, atMost: 2.97 },
  },
];
