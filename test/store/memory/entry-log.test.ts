import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry/entry-detail.ts';
import type { EntryDetail } from '../../../src/entry/entry-detail.ts';
import type { Entry } from '../../../src/store/memory/entry-chunk.ts';
import { CHUNK_ROWS, NO_PLACE } from '../../../src/store/memory/entry-chunk.ts';
import { EntryLog } from '../../../src/store/memory/entry-log.ts';
import type { LogOwner } from '../../../src/store/memory/entry-log.ts';
import { runs } from '../../support/properties.ts';

interface Held {
  readonly place: number;
  readonly message: string;
  readonly timestamp: number;
  readonly detail: EntryDetail | undefined;
  readonly order: number;
}

class Session implements LogOwner {
  fate: LogOwner['fate'] = 'held';
  readonly number: number;
  readonly chain: Held[] = [];
  position = 0;

  constructor(log: EntryLog<Session>) {
    this.number = log.join(this);
  }
}

/** Sessions as arrays beside the log. */
class Model {
  readonly log = new EntryLog<Session>();
  readonly sessions = new Map<number, Session>();

  push(owner: number, message: string, timestamp: number, detail: EntryDetail | undefined): void {
    const session = this.sessions.get(owner) ?? new Session(this.log);
    this.sessions.set(owner, session);
    const place = this.log.push(message, timestamp, detail, session.number, session.position++);
    const last = session.chain.at(-1);
    if (last !== undefined) this.log.link(last.place, place);
    session.chain.push({ place, message, timestamp, detail, order: this.log.order(place) });
  }

  dropOldest(owner: number): void {
    const oldest = this.sessions.get(owner)?.chain.shift();
    if (oldest !== undefined) this.log.free(oldest.place);
  }

  forget(owner: number, fate: 'evicted' | 'deleted'): void {
    const session = this.sessions.get(owner);
    if (session === undefined) return;
    this.sessions.delete(owner);
    session.fate = fate;
    const { chain, number } = session;
    this.log.freeChain(number, chain[0]?.place ?? NO_PLACE, chain.length, fate === 'deleted');
  }

  /** Entries held, and the UTF-16 units of their texts. */
  held(): { readonly entries: number; readonly units: number } {
    const all = [...this.sessions.values()].flatMap(({ chain }) => chain);
    return { entries: all.length, units: all.reduce((sum, { message }) => sum + message.length, 0) };
  }

  /** What differs between the two, as text; empty when nothing does. */
  difference(): string {
    const { log } = this;
    const orders = new Set<number>();
    for (const [owner, { chain, number }] of this.sessions) {
      if (log.ownerOf(number) !== this.sessions.get(owner)) return `session ${owner} is not found by its number`;
      let { place } = chain[0] ?? { place: NO_PLACE };
      for (const held of chain) {
        const entry: Entry = { message: '', timestamp: 0, detail: undefined };
        log.read(place, entry);
        const found: Held = { place, ...entry, order: log.order(place) };
        const isEqual =
          found.place === held.place &&
          found.message === held.message &&
          log.textLength(place) === held.message.length &&
          found.timestamp === held.timestamp &&
          found.detail === held.detail &&
          found.order === held.order;
        if (!isEqual) return `session ${owner}: ${JSON.stringify({ found, held })}`;
        if (orders.has(held.order)) return `order ${held.order} twice`;
        orders.add(held.order);
        place = log.next(place);
      }
      if (place !== NO_PLACE) return `session ${owner} goes on at ${place}`;
    }
    return '';
  }
}

const DETAIL = entryDetail({ kind: 'error', logType: 'log' });

/** What happens, a number of times each: several thousand rows fill chunks. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), times: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), times: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('forget' as const), times: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('erase' as const), times: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('work' as const), times: fc.integer({ min: 1, max: 2_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('seal' as const), times: fc.constant(1) }) },
);

describe('EntryLog', () => {
  it('holds what arrays hold, whatever is dropped, forgotten and tidied between', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 20 })), {
          minLength: 1,
          maxLength: 20,
        }),
        (steps, owners, texts) => {
          const model = new Model();
          let turn = 0;
          for (const { do: what, times } of steps) {
            for (let time = 0; time < (what === 'work' || what === 'seal' ? 1 : times); time += 1) {
              turn += 1;
              // Session 0 gets few entries, so that old ones of it stay in chunks of others.
              const owner = turn % 97 === 0 ? 0 : (turn * 7919) % owners;
              const text = turn % 501 === 0 ? 'long '.repeat(300) : (texts[turn % texts.length] as string);
              const at = turn % 211 === 0 ? turn / 3 : 1_700_000_000_000 + turn;
              if (what === 'push') model.push(owner, text, at, turn % 13 === 0 ? DETAIL : undefined);
              else if (what === 'drop') model.dropOldest(owner);
              else if (what === 'forget' || what === 'erase')
                model.forget(owner, what === 'erase' ? 'deleted' : 'evicted');
              else if (what === 'seal') model.log.seal();
              else model.log.work(times);
            }
          }
          expect(model.difference()).toBe('');
          for (let rounds = 0; model.log.isBehind && rounds < 1_000; rounds += 1) model.log.work(1_000);
          expect(model.log.isBehind).toBe(false);
          // Twice what the entries need, and what may always lie about.
          const { entries, units } = model.held();
          expect(model.log.stats().rows).toBeLessThanOrEqual(2 * entries + 3 * CHUNK_ROWS);
          expect(model.log.stats().units).toBeLessThanOrEqual(1.5 * units + 96 * 1024);
          expect(model.difference()).toBe('');
          model.log.seal();
          expect(model.difference()).toBe('');
        },
      ),
      runs(60),
    );
  });

  it('takes the memory of chunks with few entries left back, and keeps the places of those', () => {
    const model = new Model();
    // One old entry of each of 300 sessions, among 1,000 of a session that goes.
    for (let n = 0; n < 300 * CHUNK_ROWS; n += 1) {
      if (n % CHUNK_ROWS === 7) model.push(1 + n, `old ${n}`, n, undefined);
      else model.push(0, 'x'.repeat(60), n, undefined);
    }
    globalThis.gc?.();
    model.forget(0, 'evicted');
    while (model.log.isBehind) model.log.work(10_000);
    expect(model.difference()).toBe('');
    expect(model.log.stats().rows).toBeLessThan(2 * 300 + 2 * CHUNK_ROWS);
    expect(model.log.stats().units).toBeLessThan(300 * 10 + 64 * 1024);
  });

  it('lets go of a text at once where it has to go', () => {
    const log = new EntryLog<LogOwner>();
    const [mine, yours] = [log.join({ fate: 'deleted' }), log.join({ fate: 'held' })];
    const secret = log.push('a secret that has to go', 0, undefined, mine, 0);
    const other = log.push('what stands beside it', 0, undefined, yours, 0);
    log.freeChain(mine, secret, 1, true);
    while (log.isBehind) log.work(100);
    log.seal();
    expect(log.stats().units).toBe('what stands beside it'.length);
    const entry: Entry = { message: '', timestamp: 1, detail: undefined };
    log.read(other, entry);
    expect(entry).toEqual({ message: 'what stands beside it', timestamp: 0, detail: undefined });
  });
});
