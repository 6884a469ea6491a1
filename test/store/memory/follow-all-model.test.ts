import * as fc from 'fast-check';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry/entry-detail.ts';
import type { EntryDetail } from '../../../src/entry/entry-detail.ts';
import { MemorySessionStore, SessionLogs } from '../../../src/index.ts';
import type { FollowAllOptions, LogEntry, MemorySessionStoreOptions, SessionReader } from '../../../src/index.ts';
import { CHUNK_ROWS } from '../../../src/store/memory/entry-chunk.ts';
import type { MemorySession } from '../../../src/store/memory/memory-session.ts';
import { runs } from '../../support/properties.ts';

/** An entry as it was logged, its message being its index. */
interface Logged {
  readonly sessionId: string;
  readonly detail: EntryDetail | undefined;
  fate: 'held' | 'evicted' | 'deleted';
}

/** A session from its first entry until it is forgotten: the indexes of its entries. */
interface Held {
  readonly session: MemorySession;
  readonly indexes: number[];
  /** How many of them are known to be gone. */
  gone: number;
}

type Filter = Pick<FollowAllOptions, 'logType' | 'tokens'> & { readonly minimumSeverity?: number | undefined };

/** A follower, and where it has to stand. */
interface Following {
  readonly reader: SessionReader<LogEntry>;
  readonly filter: Filter;
  /** It ends there; `Infinity`: never. */
  readonly end: number;
  at: number;
  missed: number;
  isWaiting: boolean;
  readonly expected: number[];
  /** How many it got, each as expected. */
  got: number;
  gaps: number;
}

const KINDS: readonly (EntryDetail | undefined)[] = [
  undefined,
  undefined,
  entryDetail({ kind: 'tool-call-start' }),
  entryDetail({ logType: 'log', severityNumber: 9 }),
  entryDetail({ logType: 'log', severityNumber: 17, attributes: { a: 'text' } }),
];
const FILTERS: readonly Filter[] = [
  {},
  {},
  { logType: 'chat' },
  { logType: 'log', minimumSeverity: 10 },
  { tokens: false },
];
const TTL = 1_000;

const number = fc.nat({ max: 1_000_000 });
/** Where a follower starts: after an entry, by its index, or after one of nobody. */
type Start = 'now' | 'oldest' | { readonly entry: number | undefined };
const start: fc.Arbitrary<Start> = fc.oneof(
  fc.constantFrom('now' as const, 'oldest' as const),
  fc.record({ entry: fc.option(number, { nil: undefined }) }),
);

type Action =
  | { readonly do: 'log'; readonly session: number; readonly step: number; readonly times: number }
  | { readonly do: 'burst'; readonly rows: number; readonly isDeleted: boolean }
  | { readonly do: 'end' | 'delete' | 'pop' | 'shield'; readonly session: number }
  | { readonly do: 'open'; readonly start: Start; readonly filter: number; readonly isBounded: boolean }
  | { readonly do: 'read'; readonly which: number; readonly times: number }
  | { readonly do: 'resume' | 'leave'; readonly which: number }
  | { readonly do: 'expire'; readonly millis: number }
  | { readonly do: 'tidy'; readonly rows: number };
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('log' as const),
      session: number,
      step: fc.constantFrom(0, 1, 7),
      times: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('burst' as const),
      rows: fc.integer({ min: 1_000, max: 3_000 }),
      isDeleted: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('open' as const), start, filter: number, isBounded: fc.boolean() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read' as const), which: number, times: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('resume' as const, 'leave' as const), which: number }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), session: number }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'pop' as const), session: number }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shield' as const), session: number }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), millis: fc.constantFrom(TTL / 2, TTL) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('tidy' as const), rows: fc.constantFrom(1, 100, 2_000, 20_000) }),
  },
);

/** Of a few sessions. What is `undefined` has its default, which is not reached. */
const bounds: fc.Arbitrary<MemorySessionStoreOptions> = fc.record({
  maxEntriesPerSession: fc.constantFrom(1, 2, 5, 12, 100, 900, 10_000),
  overflow: fc.constantFrom('drop-oldest' as const, 'drop-oldest' as const, 'drop-newest' as const),
  maxSessions: fc.constantFrom(1, 2, 4, 10_000, 10_000),
  maxBytes: fc.constantFrom(1_500, 8_000, 60_000, undefined, undefined),
  maxBytesPerSession: fc.constantFrom(300, undefined, undefined),
});

/** The log over all sessions as an array beside the store. */
class Run {
  readonly store: MemorySessionStore;
  readonly sessions: SessionLogs;
  readonly followings: Following[] = [];
  readonly #entries: Logged[] = [];
  readonly #held = new Map<string, Held>();
  readonly #shields: SessionReader<LogEntry>[] = [];
  /** Of the entries. */
  readonly #ids: string[] = [];
  readonly #count: number;
  readonly #scale: number;
  #now = 0;

  constructor(options: MemorySessionStoreOptions, count: number, scale: number) {
    this.#count = count;
    this.#scale = scale;
    this.store = new MemorySessionStore({ ...options, idleTtlMillis: TTL, endedTtlMillis: TTL, now: () => this.#now });
    this.sessions = new SessionLogs({ store: this.store, loggerProvider: () => undefined });
  }

  /** Many entries of one session: chunks of nothing else, and the border of one soon after. */
  burst(rows: number, isDeleted: boolean): void {
    for (let row = 0; row < rows; row += 1) this.#append('burst');
    if (isDeleted) this.#delete('burst');
    this.#look();
  }

  async perform(step: Action): Promise<void> {
    await this.#do(step);
    this.#look();
    await settle();
    for (const { got, expected } of this.followings) same(got, expected.length);
  }

  #do(step: Action): Promise<void> | void {
    switch (step.do) {
      case 'log':
        for (let n = 0; n < step.times * this.#scale; n += 1) this.#append(this.#id(step.session + n * step.step));
        return;
      case 'burst':
        return this.burst(step.rows, step.isDeleted);
      case 'end':
        return this.sessions.endSession(this.#id(step.session));
      case 'delete':
        return this.#delete(this.#id(step.session));
      case 'pop':
        return this.#pop(this.#id(step.session));
      case 'shield':
        return this.#shield(this.#id(step.session));
      case 'open':
        return this.#open(step.start, FILTERS[step.filter % FILTERS.length] as Filter, step.isBounded);
      case 'expire':
        this.#now += step.millis;
        this.store.stats();
        return;
      case 'tidy':
        return this.store.log.work(step.rows);
      default:
        return this.#use(step, this.followings[step.which % Math.max(1, this.followings.length)]);
    }
  }

  #id(session: number): string {
    return `s${session % this.#count}`;
  }

  #append(sessionId: string): void {
    const index = this.#entries.length;
    const detail = KINDS[(index * 7) % KINDS.length];
    if (!this.store.append(sessionId, `${index}`, index, detail)) return;
    this.#entries.push({ sessionId, detail, fate: 'held' });
    this.#ids.push(this.store.newestId(sessionId) as string);
    const session = this.store.find(sessionId) as MemorySession;
    let held = this.#held.get(sessionId);
    if (held?.session !== session) {
      if (held !== undefined) this.#mark(held, held.indexes.length, 'evicted');
      held = { session, indexes: [], gone: 0 };
      this.#held.set(sessionId, held);
    }
    held.indexes.push(index);
    // Within the call, of few followers.
    for (const following of this.followings) if (following.isWaiting) this.#step(following);
  }

  #mark(held: Held, gone: number, fate: 'evicted' | 'deleted'): void {
    for (; held.gone < gone; held.gone += 1) {
      (this.#entries[held.indexes[held.gone] as number] as Logged).fate = fate;
    }
  }

  /** What the bounds have evicted. */
  #look(): void {
    for (const [id, held] of this.#held) {
      if (this.store.find(id) === held.session) this.#mark(held, held.session.first, 'evicted');
      else {
        this.#mark(held, held.indexes.length, 'evicted');
        this.#held.delete(id);
      }
    }
  }

  #delete(id: string): void {
    this.#look();
    this.sessions.deleteSession(id);
    const held = this.#held.get(id);
    if (held !== undefined) this.#mark(held, held.indexes.length, 'deleted');
    this.#held.delete(id);
  }

  async #pop(id: string): Promise<void> {
    const reader = this.sessions.pop(id, { onGap: () => {} });
    void reader.next();
    await reader.return();
  }

  #shield(id: string): void {
    const reader = this.sessions.followSession(id, { from: 'now', onGap: () => {} });
    void reader.next();
    this.#shields.push(reader);
  }

  #open(start: Start, filter: Filter, isBounded: boolean): void {
    // More than a few that wait are woken in turns to come.
    if (this.followings.length === 12) return;
    const length = this.#entries.length;
    let at = length;
    let missed = 0;
    let given: FollowAllOptions['from'] = 'now';
    if (typeof start === 'string') {
      given = start;
      if (start === 'oldest') at = this.#oldest();
    } else {
      const index = start.entry === undefined || length === 0 ? -1 : start.entry % length;
      given = { after: this.#ids[index] ?? 'of nobody' };
      const isHeld = this.#entries[index]?.fate === 'held';
      at = isHeld ? index + 1 : this.#oldest();
      missed = isHeld ? 0 : -1;
    }
    const options: FollowAllOptions = { ...filter, from: given, ...(isBounded ? { until: 'caught-up' } : {}) };
    const following: Following = {
      reader: this.sessions.followAll({ ...options, onGap: (gap) => (following.gaps += gap.missed) }),
      filter,
      end: isBounded ? length : Infinity,
      at,
      missed,
      isWaiting: false,
      expected: [],
      got: 0,
      gaps: 0,
    };
    this.followings.push(following);
  }

  #oldest(): number {
    const oldest = this.#entries.findIndex(({ fate }) => fate === 'held');
    return oldest === -1 ? this.#entries.length : oldest;
  }

  async #use(step: Extract<Action, { which: number }>, following: Following | undefined): Promise<void> {
    if (following === undefined) return;
    const { reader, filter } = following;
    if (step.do === 'leave') {
      following.isWaiting = false;
      await reader.return();
    } else if (step.do === 'resume') {
      const last = following.expected.at(-1);
      expect(reader.lastId).toBe(last === undefined ? undefined : this.#ids[last]);
      if (last !== undefined) this.#open({ entry: last }, filter, false);
    } else if (step.do === 'read') {
      const times = step.times * this.#scale;
      for (let n = 0; n < times && !following.isWaiting && reader.endReason === undefined; n += 1) {
        await this.#read(following);
      }
    }
  }

  async #read(following: Following): Promise<void> {
    const { reader } = following;
    const next = reader.next().then(({ value }) => {
      if (value === undefined) return;
      const index = following.expected[following.got] as number;
      following.got += 1;
      same(value.message, `${index}`);
      same(value.id, this.#ids[index]);
      same(value.sessionId, this.#entries[index]?.sessionId);
    });
    const from = following.at;
    const step = this.#step(following);
    if (step === 'end') await next;
    else await settle();
    // A walk over many chunks without an entry takes turns.
    for (let rows = following.at - from; rows > 30 * CHUNK_ROWS; rows -= 30 * CHUNK_ROWS) await nextTurn();
    same(reader.endReason, step === 'end' ? 'caught-up' : undefined);
    same(following.got, following.expected.length);
    same(reader.missed, following.missed);
    same(following.gaps, following.missed);
  }

  /** What the next step comes to. */
  #step(following: Following): 'entry' | 'wait' | 'end' {
    const { filter, end } = following;
    following.isWaiting = false;
    for (; following.at < Math.min(end, this.#entries.length); following.at += 1) {
      const { fate, detail } = this.#entries[following.at] as Logged;
      if (fate === 'evicted' && following.missed !== -1) following.missed += 1;
      if (fate !== 'held' || !passes(filter, detail)) continue;
      following.expected.push(following.at);
      following.at += 1;
      return 'entry';
    }
    if (following.at >= end) return 'end';
    following.isWaiting = true;
    return 'wait';
  }

  /** Everything that can be read is read; nothing is left over. */
  async finish(): Promise<void> {
    for (const following of this.followings) {
      while (!following.isWaiting && following.reader.endReason === undefined) await this.#read(following);
      same(following.got, following.expected.length);
      await following.reader.return();
    }
    for (const reader of this.#shields) await reader.return();
    expect(this.sessions.stats().readers).toBe(0);
    const held = this.#entries.flatMap(({ fate }, index) => (fate === 'held' ? [`${index}`] : []));
    expect(this.sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(held);
    const { log } = this.store;
    while (log.isBehind) log.work(10_000);
    for (let chunk = log.oldestChunk; chunk.newer !== undefined; chunk = chunk.newer) {
      // None is kept in the order for a follower that is gone.
      same(chunk.standing, 0);
      same(chunk.live > 0 && chunk.newer.older === chunk, true);
    }
    await this.sessions.shutdown();
  }
}

/** As `expect`, which costs far more: there are many looks in a case. */
function same<T>(found: T, expected: T): void {
  if (found !== expected) expect(found).toBe(expected);
}

function passes({ logType = 'all', minimumSeverity = 0, tokens = true }: Filter, detail?: EntryDetail): boolean {
  const type = detail?.logType ?? 'chat';
  if (logType !== 'all' && logType !== type) return false;
  if (!tokens && detail?.kind === 'tool-call-start') return false;
  return type === 'chat' || (detail?.severityNumber ?? 0) >= minimumSeverity;
}

/** What is resolved now is there. */
async function settle(): Promise<void> {
  for (let n = 0; n < 4; n += 1) await Promise.resolve();
}

async function walk(steps: readonly Action[], run: Run): Promise<void> {
  for (const step of steps) await run.perform(step);
  await run.finish();
  await nextTurn();
}

describe('followers of all sessions against an array', () => {
  it('meet every entry once, in the order logged, and count exactly what was evicted, among a few sessions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 1, maxLength: 60 }),
        bounds,
        fc.constantFrom(1, 2, 5, 30),
        fc.constantFrom(1, 1, 1, 40),
        fc.constantFrom(0, 1_000, 1_015, 1_023),
        async (steps, options, count, scale, rows) => {
          const run = new Run(options, count, scale);
          // Short runs come over the border of a chunk as well.
          run.burst(rows, rows % 2 === 1);
          await walk(steps, run);
        },
      ),
      runs(400),
    );
  });

  it('do so among thousands of sessions, of which most come and go', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 40 }),
        fc.record({
          maxEntriesPerSession: fc.constantFrom(1, 3, 10_000),
          overflow: fc.constant('drop-oldest' as const),
          maxSessions: fc.constantFrom(300, 2_000, 10_000),
          maxBytes: fc.constantFrom(400_000, undefined),
          maxBytesPerSession: fc.constant(undefined),
        }),
        async (steps, options) => walk(steps, new Run(options, 3_000, 200)),
      ),
      runs(12),
    );
  });
});
