import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import { RemoteSessionStore } from '../../../src/remote.ts';
import { sessionName } from '../../../src/store/remote/session-name.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { FaultyLog, NO_FAULTS } from '../../support/faulty-log.ts';
import type { Faults } from '../../support/faulty-log.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { runs, seeded } from '../../support/properties.ts';
import { withVirtualTime } from '../../support/virtual-time.ts';

/** What happens at a step, and how long it lasts. */
interface Step {
  readonly millis: number;
  /** Entries that each writer logs to each session. */
  readonly entries: number;
  readonly faults: Faults;
  readonly event: 'nothing' | 'restart' | 'silent restart' | 'clock ahead' | 'clock back' | 'resume';
}

const sometimes = fc.constantFrom(0, 0, 0, 0.02, 0.2);
const step: fc.Arbitrary<Step> = fc.record({
  millis: fc.constantFrom(3, 20, 300, 3_000, 12_000),
  entries: fc.nat({ max: 30 }),
  faults: fc.record({
    delay: fc.constantFrom(0, 0.3, 1),
    lostAnswer: sometimes,
    cut: sometimes,
    late: fc.constantFrom(0, 0, 0.02),
    full: fc.constantFrom(0, 0, 0.1, 1),
    lostWakeUp: sometimes,
  }),
  event: fc.constantFrom('nothing', 'restart', 'silent restart', 'clock ahead', 'clock back', 'resume'),
});

const SESSIONS = ['a', 'a session of another name, which is hashed'];
const WRITERS = 2;

/** Two hosts that write and one that reads, over one server. */
class World {
  readonly server = new MemoryServer();
  readonly logs: FaultyLog[];
  readonly stores: RemoteSessionStore[];
  readonly #reading: SessionLogs;
  readonly #open = new Set<{ return(): unknown }>();
  readonly written = new Map<string, number>();
  /** Of each session what its reader was given. */
  readonly given = new Map<string, string[]>();
  missed = 0;
  readonly #following: Promise<unknown>[];

  constructor(random: () => number) {
    this.logs = Array.from({ length: WRITERS + 1 }, () => new FaultyLog(new MemoryLog(this.server), random));
    this.stores = this.logs.map((log) => new RemoteSessionStore({ log }));
    this.#reading = new SessionLogs({ store: this.stores.at(-1) as RemoteSessionStore });
    this.#following = SESSIONS.map((id) => this.#follow(id));
  }

  log(): void {
    for (const id of SESSIONS) {
      for (let writer = 0; writer < WRITERS; writer += 1) {
        const line = `${id} ${writer}`;
        const number = this.written.get(line) ?? 0;
        this.stores[writer]?.append(id, `${writer}:${number}`, 0, undefined);
        this.written.set(line, number + 1);
      }
    }
  }

  /** A new primary, which may have less than the old one had. */
  failOver(): void {
    this.server.failOver();
    for (const log of this.logs) log.comeBack(false);
  }

  take({ faults, event }: Step): void {
    for (const log of this.logs) log.faults = faults;
    if (event === 'restart' || event === 'silent restart') for (const log of this.logs) log.isDown = true;
    if (event === 'clock ahead') vi.setSystemTime(Date.now() + 30 * 24 * 3_600_000);
    if (event === 'clock back') vi.setSystemTime(Date.now() - 3_600_000);
    if (event === 'resume') for (const reader of this.#open) void reader.return();
  }

  recover({ event }: Step): void {
    for (const log of this.logs) if (log.isDown) log.comeBack(event === 'silent restart');
  }

  /** The numbers of a writer's entries, as the reader of the session was given them. */
  numbersOf(id: string, writer: number): number[] {
    const own = (this.given.get(id) ?? []).filter((message) => message.startsWith(`${writer}:`));
    return own.map((message) => Number(message.slice(2)));
  }

  /** Ends the sessions and waits for the reader to come to their ends. */
  async end(pass: (millis: number) => Promise<void>): Promise<void> {
    const isDone = async (what: string, promises: readonly Promise<unknown>[]): Promise<void> => {
      let isOver = false;
      void Promise.all(promises).then(() => (isOver = true));
      for (let seconds = 0; seconds < 60 && !isOver; seconds += 1) await pass(1_000);
      expect(isOver, what).toBe(true);
    };
    for (const log of this.logs) log.faults = NO_FAULTS;
    await isDone(
      'everything is stored',
      this.stores.map((store) => store.flush(Infinity)),
    );
    for (const id of SESSIONS) this.stores[0]?.end(id);
    await isDone('every reader came to the end', this.#following);
    await isDone(
      'every store is closed',
      this.stores.map((store) => store.close()),
    );
  }

  async #follow(id: string): Promise<void> {
    const given: string[] = [];
    this.given.set(id, given);
    let lastId: string | undefined;
    for (;;) {
      const reader = this.#reading.followSession(id, {
        from: lastId === undefined ? 'start' : { after: lastId },
        onGap: () => {},
      });
      this.#open.add(reader);
      for await (const entry of reader) {
        given.push(entry.message);
        lastId = entry.id;
      }
      this.#open.delete(reader);
      this.missed += reader.missed;
      if (reader.endReason === 'session-end') return;
    }
  }
}

describe('a remote log that fails', () => {
  const diagnostics = recordDiagnostics();
  afterEach(() => void vi.restoreAllMocks());

  it('0 entries are lost, doubled or reordered, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 1, maxLength: 12 }), async (seed, steps) => {
        const random = seeded(seed);
        vi.spyOn(Math, 'random').mockImplementation(random);
        await withVirtualTime(async (pass) => {
          const world = new World(random);
          for (const each of steps) {
            world.take(each);
            for (let entry = 0; entry < each.entries; entry += 1) {
              world.log();
              if (random() < 0.2) await pass(each.millis / 30);
            }
            await pass(each.millis);
            world.recover(each);
          }
          await world.end(pass);
          for (const id of SESSIONS) {
            const given = world.given.get(id) ?? [];
            for (let writer = 0; writer < WRITERS; writer += 1) {
              const count = world.written.get(`${id} ${writer}`) ?? 0;
              expect(world.numbersOf(id, writer)).toEqual(Array.from({ length: count }, (_, number) => number));
            }
            expect(world.server.fields(id === 'a' ? id : sessionName(id), 'd').length - 1).toBe(given.length);
          }
          expect(world.missed).toBe(0);
          for (const store of world.stores) expect(store.stats()).toMatchObject({ entries: 0, bytes: 0, lost: {} });
        });
        expect(diagnostics.lines.filter((line) => line.startsWith('error'))).toEqual([]);
      }),
      runs(60),
    );
  });

  it('a fail-over that takes entries back doubles and reorders none: what is gone is what readers missed', async () => {
    const moments = fc.array(fc.constantFrom('log', 'log', 'replicate', 'fail over', 'lose answers'), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer(), moments, async (seed, steps) => {
        const random = seeded(seed);
        vi.spyOn(Math, 'random').mockImplementation(random);
        await withVirtualTime(async (pass) => {
          const world = new World(random);
          await pass(100);
          for (const each of steps) {
            const lostAnswer = each === 'lose answers' ? 0.5 : 0;
            for (const log of world.logs) log.faults = { ...NO_FAULTS, lostAnswer };
            if (each === 'replicate') world.server.replicate();
            if (each === 'fail over') world.failOver();
            else for (let entry = 0; entry < 5; entry += 1) world.log();
            await pass(random() * 100);
          }
          // Without another entry of its producer nobody can know that one is gone.
          world.log();
          await world.end(pass);
          let lost = 0;
          for (const id of SESSIONS) {
            for (let writer = 0; writer < WRITERS; writer += 1) {
              const numbers = world.numbersOf(id, writer);
              // Each once, in order.
              expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
              lost += (world.written.get(`${id} ${writer}`) ?? 0) - numbers.length;
            }
          }
          expect(world.missed).toBe(lost);
        });
      }),
      runs(60),
    );
  });
});
