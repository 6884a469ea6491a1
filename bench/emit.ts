/** Row 1: what our processor adds to an `emit` of the SDK, at 1, 1,000 and 10,000 sessions in random order. */
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';

import { roomyStore } from './build.ts';
import { EmptyProcessor } from './empty-processor.ts';
import { afterCollection, costOf, full, keep, pair } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { freshText, SAME_TEXT } from './texts.ts';

const EMITS = full(50_000);
const WARM_UP = full(5_000);
const TARGETS: Readonly<Record<number, number>> = { 1: 1.25, 1_000: 1.3, 10_000: 1.35 };

type Make = () => LogRecordProcessor | Promise<LogRecordProcessor>;
type TextOf = (n: number) => string;

/** The least that routing by session can be. */
class MapAndPush extends EmptyProcessor {
  readonly #sessions = new Map<string, unknown[]>();

  override onEmit({ attributes, body }: Parameters<LogRecordProcessor['onEmit']>[0]): void {
    const id = attributes['session.id'] as string;
    const entries = this.#sessions.get(id);
    if (entries === undefined) this.#sessions.set(id, [body]);
    else entries.push(body);
  }
}

/** Emits through the processor, and through an empty one in turns with it. */
async function besideEmpty(make: Make, sessions: number, textOf: TextOf): Promise<Sample> {
  const ids = Array.from({ length: sessions }, (_, n) => `session-${n}`);
  const order = Int32Array.from({ length: EMITS }, () => Math.floor(Math.random() * sessions));
  const round = async (makeProcessor: Make): Promise<number> => {
    const provider = new LoggerProvider({ processors: [await makeProcessor()] });
    const logger = provider.getLogger('bench');
    const emit = (count: number): void => {
      for (let n = 0; n < count; n += 1) {
        logger.emit({ body: textOf(n), attributes: { 'session.id': ids[order[n] as number] } });
      }
    };
    for (const id of ids) logger.emit({ body: SAME_TEXT, attributes: { 'session.id': id } });
    await afterCollection(() => emit(WARM_UP));
    const cost = await costOf(EMITS, () => emit(EMITS));
    // A store that stays open stays in memory, and later rounds would pay for the collection of it.
    await provider.shutdown();
    return cost;
  };
  const empty = (): LogRecordProcessor => new EmptyProcessor();
  for (const makeKept of [make, empty]) {
    const provider = new LoggerProvider({ processors: [await makeKept()] });
    provider.getLogger('bench').emit({ body: SAME_TEXT, attributes: { 'session.id': 'kept' } });
    keep(provider);
  }
  return pair(
    () => round(make),
    () => round(empty),
    { rounds: 15, warmUps: 4 },
  );
}

function rowOf(sessions: number, texts: string, textOf: TextOf): Row {
  const ours: Measure = async (build) => {
    const { SessionLogRecordProcessor } = await build.main();
    const make = async () => new SessionLogRecordProcessor({ store: await roomyStore(build) });
    return besideEmpty(make, sessions, textOf);
  };
  return {
    row: 1,
    what: `an emit through the processor, ${sessions.toLocaleString('en')} sessions, ${texts}`,
    unit: 'ns',
    ours,
    base: 'the SDK alone',
    peers: { 'bare Map + push': () => besideEmpty(() => new MapAndPush(), sessions, textOf) },
    target: { of: 'base', atMost: TARGETS[sessions] as number },
  };
}

const SESSIONS = [1, 1_000, 10_000];
export const rows: readonly Row[] = [
  ...SESSIONS.map((sessions) => rowOf(sessions, 'texts as of a model', freshText)),
  ...SESSIONS.map((sessions) => rowOf(sessions, 'one text of 60 characters', () => SAME_TEXT)),
];
