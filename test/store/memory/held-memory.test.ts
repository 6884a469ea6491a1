import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemorySessionStore } from '../../../src/index.ts';
import { CHUNK_ROWS } from '../../../src/store/memory/entry-chunk.ts';
import { runs } from '../../support/properties.ts';

/** Bytes of a row; a unit of the texts here takes one. */
const ROW = 20;
/** What may always lie about: rows of three chunks, and text that is not worth a pass over all. */
const SLACK = 3 * CHUNK_ROWS * ROW + 96 * 1024;
const MIB = 1024 * 1024;
const TEXT = 'x'.repeat(50);

/** What chunks take. */
function takenBy({ log }: MemorySessionStore): number {
  const { rows, units } = log.stats();
  return rows * ROW + units;
}

/** What they would take if they had nothing but the entries that are held. */
function neededBy(store: MemorySessionStore): number {
  return store.entries().reduce((sum, { message }) => sum + ROW + message.length, 0);
}

function unitsOf(store: MemorySessionStore): number {
  return store.entries().reduce((sum, { message }) => sum + message.length, 0);
}

class Load {
  readonly store: MemorySessionStore;
  readonly #maxBytes: number;
  #appended = 0;

  constructor(maxBytes: number, maxEntriesPerSession: number) {
    this.#maxBytes = maxBytes;
    this.store = new MemorySessionStore({ maxBytes, maxEntriesPerSession, maxSessions: 1_000_000 });
  }

  append(sessionId: string): void {
    this.store.append(sessionId, TEXT + this.#appended, 1_700_000_000_000, undefined);
    this.#appended += 1;
    if (this.#appended % 1_000 === 0) this.checkBound();
  }

  checkBound(): void {
    const taken = takenBy(this.store);
    if (taken > 1.25 * this.#maxBytes + SLACK) expect(taken).toBeLessThanOrEqual(1.25 * this.#maxBytes + SLACK);
  }

  /** Half a second without anything to do. */
  rest(): void {
    vi.advanceTimersByTime(500);
    expect(this.store.log.isBehind).toBe(false);
    expect(takenBy(this.store)).toBeLessThanOrEqual(2 * neededBy(this.store) + SLACK);
    this.checkBound();
  }
}

const step = fc.record({
  do: fc.constantFrom(
    'one old entry in each of many sessions' as const,
    'whole sessions' as const,
    'sessions side by side' as const,
    'delete' as const,
    'end' as const,
    'rest' as const,
  ),
  count: fc.integer({ min: 10, max: 2_000 }),
  times: fc.integer({ min: 1, max: 12 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function perform(load: Load, { do: what, count, times }: Step, turn: number): void {
  const { store } = load;
  const name = (n: number): string => `${turn}-${n}`;
  switch (what) {
    case 'one old entry in each of many sessions':
      for (let n = 0; n < count; n += 1) {
        load.append(name(n));
        for (let between = 0; between < times; between += 1) load.append('busy');
      }
      return;
    case 'whole sessions':
    case 'sessions side by side':
      for (let n = 0; n < count * times; n += 1) {
        load.append(name(what === 'whole sessions' ? Math.floor(n / times) : n % count));
      }
      return;
    case 'rest':
      return load.rest();
    default:
      // Every other one, or two of three, and so on: as they come.
      for (const [index, id] of store.sessionIds().entries()) {
        if (index % (times + 1) === 0) continue;
        if (what === 'end') store.end(id);
        else store.delete(id);
      }
      return load.checkBound();
  }
}

describe('memory that is held for entries', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  it('is within 1.25 times the bound under load, and within twice what they need half a second later', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(MIB / 2, MIB, 4 * MIB),
        fc.constantFrom(100, 10_000),
        (steps, maxBytes, maxEntriesPerSession) => {
          const load = new Load(maxBytes, maxEntriesPerSession);
          for (const [turn, each] of steps.entries()) perform(load, each, turn);
          load.rest();
        },
      ),
      runs(40),
    );
  });

  it.each(['are evicted', 'are deleted', 'have ended'] as const)(
    'is so with one old entry in each of 10,000 sessions, when the others among them %s',
    (fate) => {
      const load = new Load(4 * MIB, fate === 'are evicted' ? 10 : 10_000);
      for (let n = 0; n < 10_000; n += 1) {
        load.append(`old ${n}`);
        for (let other = 0; other < 20; other += 1) load.append(`others ${n % 20}`);
        if (n % 100 !== 99 || fate === 'are evicted') continue;
        for (let id = 0; id < 20; id += 1) {
          if (fate === 'have ended') load.store.end(`others ${id}`);
          else load.store.delete(`others ${id}`);
        }
      }
      load.rest();
      for (let id = 0; id < 20; id += 1) load.store.delete(`others ${id}`);
      load.rest();
    },
  );

  it.each([0, 1, 2])(
    'is so when each entry begins a session, without a turn of the event loop (%i before)',
    (before) => {
      const store = new MemorySessionStore({ maxSessions: 1_000 });
      for (let n = 0; n < before; n += 1) store.append('first', TEXT, 0, undefined);
      for (let n = 0; n < 50_000; n += 1) store.append(`s${n}`, TEXT, 0, undefined);
      expect(takenBy(store)).toBeLessThanOrEqual(2 * neededBy(store) + SLACK);
    },
  );

  it('holds no text of a deleted session a tenth of a second later, whatever was logged and deleted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 400 }), fc.nat({ max: 400 })), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.boolean(),
        (rounds, restsBetween) => {
          const store = new MemorySessionStore();
          for (const [logged, sessions, deleted] of rounds) {
            for (let n = 0; n < logged; n += 1) store.append(`s${(n * 7) % sessions}`, `${TEXT} ${n}`, 0, undefined);
            if (restsBetween) vi.advanceTimersByTime(30);
            for (let n = 0; n < deleted; n += 1) store.delete(`s${(n * 3) % sessions}`);
            if (!restsBetween) continue;
            vi.advanceTimersByTime(100);
            expect(store.log.stats().units).toBe(unitsOf(store));
          }
          vi.advanceTimersByTime(100);
          expect(store.log.stats().units).toBe(unitsOf(store));
        },
      ),
      runs(40),
    );
  });

  it('holds none either when three of four among 400,000 entries are deleted', () => {
    const store = new MemorySessionStore();
    for (let n = 0; n < 400_000; n += 1) store.append(`s${n % 400}`, 'text', 0, undefined);
    for (let n = 0; n < 300; n += 1) store.delete(`s${n}`);
    vi.advanceTimersByTime(100);
    expect(store.log.stats().units).toBe(100_000 * 'text'.length);
  });
});
