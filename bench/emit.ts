/** Row 1: what our processor adds to an `emit` of the SDK, at 1, 1,000 and 10,000 sessions in random order. */
import { LoggerProvider } from '@opentelemetry/sdk-logs';

import { MemorySessionStore, SessionLogRecordProcessor } from '../dist/index.js';
import { alternate, cpuNanos, nanos, ratio, report } from './harness.ts';

const EMITS = 50_000;
const BODY = 'a message of a usual length: sixty characters, more or less.';
const TARGETS: Readonly<Record<number, number>> = { 1: 1.25, 1_000: 1.3, 10_000: 1.35 };

interface Processor {
  onEmit(record: never): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

const ends = { forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
const empty: Processor = { onEmit() {}, ...ends };

/** The least that routing by session can be. */
function mapAndPush(): Processor {
  const sessions = new Map<string, unknown[]>();
  return {
    onEmit(record: { attributes: Record<string, string>; body: unknown }) {
      const id = record.attributes['session.id'] as string;
      const entries = sessions.get(id);
      if (entries === undefined) sessions.set(id, [record.body]);
      else entries.push(record.body);
    },
    ...ends,
  };
}

for (const sessions of [1, 1_000, 10_000]) {
  const ids = Array.from({ length: sessions }, (_, n) => `session-${n}`);
  const order = Int32Array.from({ length: EMITS }, () => Math.floor(Math.random() * sessions));

  const measure = async (make: () => Processor, isCollected: boolean): Promise<number> => {
    const provider = new LoggerProvider({ processors: [make()] });
    const logger = provider.getLogger('bench');
    for (const id of ids) logger.emit({ body: BODY, attributes: { 'session.id': id } });
    if (isCollected) globalThis.gc?.();
    const before = cpuNanos();
    for (let n = 0; n < EMITS; n += 1) {
      logger.emit({ body: BODY, attributes: { 'session.id': ids[order[n] as number] } });
    }
    const cost = (cpuNanos() - before) / EMITS;
    // A store that stays open stays in memory, and later rounds would pay for the collection of it.
    await provider.shutdown();
    return cost;
  };
  const ours = (): Processor =>
    new SessionLogRecordProcessor({ store: new MemorySessionStore({ maxSessions: 20_000 }) });
  const pairs = async (isCollected: boolean) =>
    alternate(
      {
        empty: () => measure(() => empty, isCollected),
        ours: () => measure(ours, isCollected),
        bare: () => measure(mapAndPush, isCollected),
      },
      { rounds: 20, warmUp: 4 },
    );
  const forced = await pairs(true);
  const natural = await pairs(false);
  const target = TARGETS[sessions] as number;
  const reached = ratio(forced.ours, forced.empty);
  report({
    row: 1,
    work: `emit through the processor / through an empty one, ${sessions} sessions`,
    ours: `x${reached.toFixed(2)} (natural collections x${ratio(natural.ours, natural.empty).toFixed(2)})`,
    peers: `empty ${nanos(forced.empty.min)}; bare Map + push x${ratio(forced.bare, forced.empty).toFixed(2)} (x${ratio(natural.bare, natural.empty).toFixed(2)})`,
    target: `<= x${target}`,
    isReached: reached <= target,
  });
}
