/** Row 1: what our processor adds to an `emit` of the SDK, at 1, 1,000 and 10,000 sessions in random order. */
import type { Logger } from '@opentelemetry/api-logs';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';

import { startInProvider } from './build.ts';
import type { Build } from './build.ts';
import { afterCollection, costOf, full, keep, pair, sessionsInWords } from './harness.ts';
import type { Row, Sample } from './harness.ts';
import { EmptyProcessor, providerOf } from './provider.ts';
import { freshText, SAME_TEXT } from './texts.ts';

const EMITS = full(50_000);
const WARM_UP = full(5_000);
const TARGETS: Readonly<Record<number, number>> = { 1: 1.25, 1_000: 1.3, 10_000: 1.35 };

type TextOf = (n: number) => string;

/** A provider with a processor that holds what is emitted, until it forgets all. */
interface Subject {
  readonly logger: Logger;
  forget(ids: readonly string[]): void;
}

async function ours(build: Build): Promise<Subject> {
  const { provider, store } = await startInProvider(build);
  return {
    logger: provider.getLogger('bench'),
    forget(ids) {
      for (const id of ids) store.delete(id);
    },
  };
}

/** The least that routing by session can be. */
class MapAndPush extends EmptyProcessor {
  readonly #sessions = new Map<string, unknown[]>();

  override onEmit({ attributes, body }: Parameters<LogRecordProcessor['onEmit']>[0]): void {
    const id = attributes['session.id'] as string;
    const entries = this.#sessions.get(id);
    if (entries === undefined) this.#sessions.set(id, [body]);
    else entries.push(body);
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#sessions.delete(id);
  }
}

function mapAndPush(): Subject {
  const processor = new MapAndPush();
  return { logger: providerOf(processor).getLogger('bench'), forget: (ids) => processor.forget(ids) };
}

/** One into each of the sessions, which may come more than once. */
function emitTo(logger: Logger, ids: readonly string[], textOf: TextOf): void {
  for (let n = 0; n < ids.length; n += 1) {
    logger.emit({ body: textOf(n), attributes: { 'session.id': ids[n] } });
  }
}

/** Nanoseconds of an emit, and of one of the SDK alone. */
async function besideSdk(subject: Subject, sessions: number, textOf: TextOf): Promise<Sample> {
  const ids = Array.from({ length: sessions }, (_, n) => `session-${n}`);
  const order = Array.from({ length: EMITS }, () => ids[Math.floor(Math.random() * sessions)] as string);
  const round = async (of: Subject): Promise<number> => {
    emitTo(of.logger, ids, textOf);
    await afterCollection(() => emitTo(of.logger, order.slice(0, WARM_UP), textOf));
    const cost = await costOf(EMITS, () => emitTo(of.logger, order, textOf));
    of.forget(ids);
    return cost;
  };
  const sdkAlone: Subject = { logger: providerOf().getLogger('bench'), forget() {} };
  for (const { logger } of [subject, sdkAlone]) {
    const record = { body: SAME_TEXT, attributes: { 'session.id': 'kept' } };
    logger.emit(record);
    keep(logger, record);
  }
  return pair(
    () => round(subject),
    () => round(sdkAlone),
    { rounds: 15, warmUps: 4 },
  );
}

function rowOf(sessions: number, texts: string, textOf: TextOf): Row {
  return {
    row: 1,
    what: `an emit through the processor, ${sessionsInWords(sessions)}, ${texts}`,
    unit: 'ns',
    ours: async (build) => besideSdk(await ours(build), sessions, textOf),
    base: 'the SDK alone',
    peers: { 'bare Map + push': () => besideSdk(mapAndPush(), sessions, textOf) },
    target: { of: 'base', atMost: TARGETS[sessions] as number },
  };
}

const SESSIONS = [1, 1_000, 10_000];

export const rows: readonly Row[] = [
  ...SESSIONS.map((sessions) => rowOf(sessions, 'texts as of a model', freshText)),
  ...SESSIONS.map((sessions) => rowOf(sessions, 'one text of 60 characters', () => SAME_TEXT)),
];
