import * as fc from 'fast-check';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { MemorySessionStore, SessionLogs } from '../../../src/index.ts';
import type { LogEntry, ReaderOptions, SessionReader } from '../../../src/index.ts';
import { runs } from '../../support/properties.ts';

/** The log as it would be without bounds: an array of entries, and where lives ended. */
interface Model {
  readonly entries: { readonly text: string; readonly logType: 'chat' | 'log' }[];
  readonly ends: number[];
}

/** What a reader that started at `next` should have got, against what it got. */
interface Reading {
  readonly reader: SessionReader<LogEntry>;
  readonly start: number;
  readonly logType: 'chat' | 'log' | 'all';
  readonly got: number[];
  readonly abort: AbortController;
  pending: Promise<unknown> | undefined;
  failed: unknown;
  /** Where an `endSession` that set no mark ended it, as it waited. */
  endedAt: number | undefined;
  gaps: number;
}

type Action =
  | { readonly do: 'write'; readonly isLog: boolean }
  | {
      readonly do: 'open';
      readonly from: 'start' | 'now' | { readonly last: number };
      readonly logType: 'chat' | 'log' | 'all';
    }
  | { readonly do: 'resume' | 'read' | 'return' | 'abort'; readonly which: number }
  | { readonly do: 'turn' | 'end' };

const which = fc.nat({ max: 9 });
const logType = fc.constantFrom('chat' as const, 'log' as const, 'all' as const);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write' as const), isLog: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      from: fc.oneof(
        fc.constantFrom('start' as const, 'now' as const),
        fc.record({ last: fc.nat({ max: 14 }) }, { noNullPrototype: true }),
      ),
      logType,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('resume' as const, 'return' as const, 'abort' as const), which }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const) }) },
);

class Run {
  readonly sessions: SessionLogs;
  readonly model: Model = { entries: [], ends: [] };
  readonly readings: Reading[] = [];
  readonly #bound: number;

  constructor(bound: number) {
    this.#bound = bound;
    this.sessions = new SessionLogs({
      store: new MemorySessionStore({ maxEntriesPerSession: bound }),
      loggerProvider: () => undefined,
    });
  }

  get #firstHeld(): number {
    return Math.max(0, this.model.entries.length - this.#bound);
  }

  perform(step: Action): Promise<unknown> | undefined {
    switch (step.do) {
      case 'write': {
        const type = step.isLog ? 'log' : 'chat';
        const text = String(this.model.entries.length);
        this.model.entries.push({ text, logType: type });
        return this.sessions.logChunkToQueue(text, 's', { logType: type });
      }
      case 'open':
        return this.#open(this.#startOf(step.from, step.logType), step.logType, { from: step.from });
      case 'end':
        this.#end();
        return undefined;
      case 'turn':
        return nextTurn();
      default:
        return this.#use(step.do, this.readings[step.which % Math.max(1, this.readings.length)]);
    }
  }

  #end(): void {
    const { entries, ends } = this.model;
    const setsMark = entries.length > (ends.at(-1) ?? -1);
    if (setsMark) ends.push(entries.length);
    const running = this.readings.filter(({ reader }) => reader.endReason === undefined);
    this.sessions.endSession('s');
    if (setsMark) return;
    for (const reading of running) if (reading.reader.endReason !== undefined) reading.endedAt = entries.length;
  }

  #use(what: 'resume' | 'read' | 'return' | 'abort', reading: Reading | undefined): undefined {
    if (reading === undefined) return;
    if (what === 'read') this.#read(reading);
    else if (what === 'return') void reading.reader.return();
    else if (what === 'abort') reading.abort.abort(new Error('model abort'));
    else if (reading.reader.lastId !== undefined) {
      const last = reading.got.at(-1) as number;
      this.#open(last + 1, reading.logType, { from: { after: reading.reader.lastId } });
    }
  }

  #startOf(from: 'start' | 'now' | { readonly last: number }, type: 'chat' | 'log' | 'all'): number {
    const { entries } = this.model;
    if (from === 'now') return entries.length;
    if (from === 'start') return this.#lifeStart();
    const passing = entries
      .map((entry, index) => ({ entry, index }))
      .slice(Math.max(this.#lifeStart(), this.#firstHeld))
      .filter(({ entry }) => type === 'all' || entry.logType === type)
      .map(({ index }) => index);
    if (from.last === 0) return entries.length;
    return passing.at(-from.last) ?? this.#lifeStart();
  }

  /** Held or not: a reader that comes too late for it is told. */
  #lifeStart(): number {
    return this.model.ends.findLast((end) => end < this.model.entries.length) ?? 0;
  }

  #open(start: number, type: 'chat' | 'log' | 'all', options: ReaderOptions): undefined {
    const abort = new AbortController();
    const reading: Reading = {
      reader: this.sessions.followSession('s', {
        ...options,
        logType: type,
        signal: abort.signal,
        onGap: ({ missed }) => {
          reading.gaps += missed;
        },
      }),
      start,
      logType: type,
      got: [],
      abort,
      pending: undefined,
      failed: undefined,
      endedAt: undefined,
      gaps: 0,
    };
    this.readings.push(reading);
  }

  #read(reading: Reading): void {
    if (reading.pending !== undefined) return;
    reading.pending = reading.reader.next().then(
      ({ done, value }) => {
        reading.pending = undefined;
        if (done !== true) reading.got.push(Number(value.message));
      },
      (error: unknown) => {
        reading.pending = undefined;
        reading.failed = error;
      },
    );
  }

  /** Everything that can be read is read. */
  async finish(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const before = this.readings.reduce((sum, reading) => sum + reading.got.length, 0);
      for (const reading of this.readings) if (reading.reader.endReason === undefined) this.#read(reading);
      await nextTurn();
      await nextTurn();
      const after = this.readings.reduce((sum, reading) => sum + reading.got.length, 0);
      quiet = after === before ? quiet + 1 : 0;
    }
  }

  check(reading: Reading): void {
    const { got, reader } = reading;
    expect(got).toEqual(got.toSorted((a, b) => a - b));
    expect(new Set(got).size).toBe(got.length);
    for (const index of got) expect(index).toBeGreaterThanOrEqual(reading.start);
    if (reading.failed !== undefined) expect(reading.failed).toMatchObject({ message: 'model abort' });
    expect(reading.gaps).toBe(reader.missed);
    const isFinal = reader.endReason === undefined || reader.endReason === 'session-end';
    if (isFinal) this.#checkWhole(reading, this.#endOf(reading));
  }

  /** Up to its end it got each entry that its filter lets through, or was told. */
  #checkWhole({ got, reader, start, logType: type }: Reading, end: number): void {
    const wanted = this.model.entries
      .map((entry, index) => ({ entry, index }))
      .filter(({ index }) => index >= start && index < end)
      .filter(({ entry }) => type === 'all' || entry.logType === type)
      .map(({ index }) => index);
    const lost = wanted.filter((index) => !got.includes(index));
    expect(got.filter((index) => !wanted.includes(index))).toEqual([]);
    expect(lost.length).toBeLessThanOrEqual(reader.missed);
    if (type === 'all') expect(lost.length).toBe(reader.missed);
    // What was evicted lies in runs before what it got: nothing that is held was passed over.
    for (const index of lost) expect(index).toBeLessThan(this.#firstHeld);
  }

  /**
   * The end mark at which a reader ended: the first one after all it got. One that fell behind over several lives ends
   * at the latest mark in the gap, and is told of all that it missed up to there.
   */
  #endOf({ endedAt, got, reader, start, logType: type }: Reading): number {
    const { entries, ends } = this.model;
    if (reader.endReason === undefined) return entries.length;
    if (endedAt !== undefined) return endedAt;
    const after = Math.max(start, (got.at(-1) ?? -1) + 1);
    const ahead = ends.filter((end) => end >= after);
    const inGap = ahead.find((end) => {
      const passed = entries.slice(start, end).filter((entry) => type === 'all' || entry.logType === type).length;
      return passed - got.length === reader.missed;
    });
    return (type === 'all' ? inGap : undefined) ?? ahead[0] ?? entries.length;
  }
}

describe('readers of a bounded session against an array', () => {
  it('give every entry once and in order, count exactly what was evicted, and leave no reader over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 120 }), fc.integer({ min: 1, max: 12 }), async (steps, bound) => {
        const run = new Run(bound);
        for (const step of steps) {
          await run.perform(step);
          expect(run.sessions.stats().entries).toBeLessThanOrEqual(bound);
        }
        await run.finish();
        for (const reading of run.readings) run.check(reading);
        const held = run.sessions.getAllLogsInQueue().map((entry) => entry.message);
        expect(held).toEqual(run.model.entries.slice(-bound).map((entry) => entry.text));
        for (const reading of run.readings) await reading.reader.return();
        expect(run.sessions.stats().readers).toBe(0);
        run.sessions.deleteSession('s');
        expect(run.sessions.allSessionsInQueues).toEqual([]);
        expect(run.sessions.stats()).toMatchObject({ sessions: 0, entries: 0, bytes: 0 });
        await run.sessions.shutdown();
      }),
      runs(300),
    );
  });

  it.each([
    { what: 'the end of its life', held: [0], evicted: 0 },
    { what: 'an entry of its life and the end of it', held: [0, 1], evicted: 1 },
  ])('count no entry of a later life when $what was evicted', async ({ held, evicted }) => {
    const sessions = new SessionLogs({
      store: new MemorySessionStore({ maxEntriesPerSession: 1 }),
      loggerProvider: () => undefined,
    });
    const reader = sessions.followSession('s', { onGap: () => undefined });
    const first = reader.next();
    for (const index of held) await sessions.logChunkToQueue(`life 1, ${index}`, 's');
    expect((await first).value?.message).toBe('life 1, 0');
    sessions.endSession('s');
    for (const index of [0, 1]) await sessions.logChunkToQueue(`life 2, ${index}`, 's');
    expect(await reader.next()).toEqual({ value: undefined, done: true });
    expect(reader).toMatchObject({ endReason: 'session-end', missed: evicted });
  });

  it('miss nothing beyond the entry at which they are caught up', async () => {
    const sessions = new SessionLogs({
      store: new MemorySessionStore({ maxEntriesPerSession: 1 }),
      loggerProvider: () => undefined,
    });
    await sessions.logChunkToQueue('0', 's');
    const reader = sessions.followSession('s', { until: 'caught-up', onGap: () => undefined });
    for (const text of ['1', '2', '3']) await sessions.logChunkToQueue(text, 's');
    expect(await reader.next()).toEqual({ value: undefined, done: true });
    expect(reader).toMatchObject({ endReason: 'caught-up', missed: 1 });
  });

  it('hold no more than their bound, streams that abandon each other included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<start>', '</end>', '</tool>', 'text'), { maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom('drop-oldest' as const, 'drop-newest' as const),
        (texts, maxEntriesPerSession, overflow) => {
          const store = new MemorySessionStore({ maxEntriesPerSession, overflow });
          const sessions = new SessionLogs({ store, loggerProvider: () => undefined });
          for (const text of texts) {
            void sessions.logChunkToQueue(text, 's');
            expect(store.stats().entries).toBeLessThanOrEqual(maxEntriesPerSession);
          }
          const entries = sessions.getAllLogsInQueue();
          const bytes = entries.reduce(
            (sum, entry) =>
              sum +
              32 +
              Math.floor(1.75 * entry.message.length) +
              (entry.kind === 'text' ? 0 : 144) +
              (entry.attributes === undefined ? 0 : attributesOfAbandoned),
            texts.length === 0 ? 0 : 384 + 2 * 's'.length,
          );
          expect(store.stats().bytes).toBe(bytes);
        },
      ),
      runs(200),
    );
  });
});

/** `gen_ai.response.finish_reasons: ['abandoned']`, as the store counts it. */
const attributesOfAbandoned = 64 + 'gen_ai.response.finish_reasons'.length + 64 + 24 + 2 * 'abandoned'.length;
