import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import type { LogEntry } from '../../../src/index.ts';
import { RemoteRefusal, RemoteSessionStore } from '../../../src/remote.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { FaultyLog, NO_FAULTS } from '../../support/faulty-log.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { runs, seeded } from '../../support/properties.ts';
import { withVirtualTime } from '../../support/virtual-time.ts';

type Pass = (millis: number) => Promise<void>;

interface Host {
  readonly log: FaultyLog;
  readonly sessions: SessionLogs;
}

interface Reading {
  readonly entries: LogEntry[];
  readonly endReason: () => string | undefined;
}

/** Hosts over one server, and what they read. */
class World {
  readonly #server = new MemoryServer();
  readonly #hosts: Host[] = [];
  readonly pass: Pass;

  constructor(pass: Pass) {
    this.pass = pass;
  }

  host(options: object = {}): Host {
    const log = new FaultyLog(new MemoryLog(this.#server), Math.random);
    const host = { log, sessions: new SessionLogs({ store: new RemoteSessionStore({ log, ...options }) }) };
    this.#hosts.push(host);
    return host;
  }

  read({ sessions }: Host, until: 'stream-end' | 'session-end'): Reading {
    const reader = sessions.followSession('s', { until });
    const entries: LogEntry[] = [];
    void (async () => {
      for await (const entry of reader) entries.push(entry);
    })();
    return { entries, endReason: () => reader.endReason };
  }

  async write({ sessions }: Host, ...texts: readonly string[]): Promise<void> {
    for (const text of texts) await sessions.logChunkToQueue(text, 's', { streamId: 'x' });
    await this.pass(50);
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.#hosts.map(({ sessions }) => sessions.shutdown().catch(() => {})));
    await this.pass(60_000);
    await closed;
  }
}

const texts = ({ entries }: Reading): string[] => entries.map(({ message }) => message);

async function inWorld(body: (world: World) => Promise<void>): Promise<void> {
  await withVirtualTime(async (pass) => {
    const world = new World(pass);
    await body(world);
    await world.close();
  });
}

describe('the lease of an answer', () => {
  const diagnostics = recordDiagnostics();
  afterEach(() => void vi.restoreAllMocks());

  it('of a producer that is gone lapses: its answer ends, once, for every reader of every host', () =>
    inWorld(async (world) => {
      const [producer, one, other] = [world.host(), world.host(), world.host()];
      const readings = [one, one, other].map((host) => world.read(host, 'stream-end'));
      const staying = world.read(other, 'session-end');
      await world.write(producer, '<start>', 'half an');
      producer.log.isDown = true;
      await world.pass(9_000);
      for (const reading of readings) expect(texts(reading)).toEqual(['<start>', 'half an']);
      await world.pass(12_000);
      for (const reading of readings) {
        expect(texts(reading)).toEqual(['<start>', 'half an', '</end>']);
        expect(reading.endReason()).toBe('stream-end');
        expect(reading.entries.at(-1)).toMatchObject({
          kind: 'stream-end',
          streamId: 'x',
          attributes: { 'gen_ai.response.finish_reasons': ['abandoned'], 'error.type': 'lease_lapsed' },
        });
      }
      // Who comes later finds the same.
      const late = world.read(one, 'stream-end');
      await world.pass(60_000);
      expect(texts(late)).toEqual(['<start>', 'half an', '</end>']);
      expect(texts(staying)).toEqual(['<start>', 'half an', '</end>']);
      expect(staying.endReason()).toBe(undefined);
    }));

  it('of a producer that is gone lapses for who asks how the answer stands, although nobody reads', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const state = async (): Promise<string> => {
        const asked = host.sessions.answerState('s');
        await world.pass(10);
        return asked;
      };
      expect(await state()).toBe('none');
      await world.write(producer, '<start>', 'half an');
      expect(await state()).toBe('running');
      await world.pass(60_000);
      expect(await state()).toBe('running');
      producer.log.isDown = true;
      await world.pass(9_000);
      expect(await state()).toBe('running');
      await world.pass(12_000);
      expect(await state()).toBe('finished');
    }));

  it('that may not be ended here goes on, for who asks how the answer stands', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      vi.spyOn(host.log, 'lapse').mockRejectedValue(new RemoteRefusal('NOPERM', { isFinal: true }));
      await world.write(producer, '<start>', 'half an');
      expect(await host.sessions.answerState('s')).toBe('running');
    }));

  it('cannot be asked about where nothing may be read, nor after a shutdown that finds the engine away', () =>
    inWorld(async (world) => {
      const [refused, away] = [world.host(), world.host()];
      const cause = new RemoteRefusal('NOPERM', { isFinal: true });
      vi.spyOn(refused.log, 'read').mockRejectedValue(cause);
      await expect(refused.sessions.answerState('s')).rejects.toMatchObject({ code: 'not_supported', cause });
      away.log.isDown = true;
      const asked = expect(away.sessions.answerState('s')).rejects.toMatchObject({ code: 'shut_down' });
      await world.pass(1_000);
      const closed = away.sessions.shutdown().catch(() => {});
      await world.pass(60_000);
      await Promise.all([asked, closed]);
    }));

  it('of a consumed answer is kept as long as its source is silent, and ends with it', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const reading = world.read(host, 'stream-end');
      let go: () => void = () => {};
      const gate = new Promise<void>((resolve) => (go = resolve));
      const source = async function* (): AsyncGenerator<string> {
        yield 'a';
        await gate;
        yield 'b';
      };
      const consumed = producer.sessions.consume('s', source());
      // Where it is asked for in the process that logs, it need not be stored yet.
      const state = producer.sessions.answerState('s');
      await world.pass(5 * 60_000);
      expect(await state).toBe('running');
      expect(texts(reading)).toEqual(['<start>', 'a']);
      go();
      await consumed;
      await world.pass(50);
      expect(texts(reading)).toEqual(['<start>', 'a', 'b', '</end>']);
    }));

  it('of a producer that says nothing for long, but lives, does not lapse', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const reading = world.read(host, 'stream-end');
      await world.write(producer, '<start>', 'thinking');
      await world.pass(20 * 60_000);
      expect(texts(reading)).toEqual(['<start>', 'thinking']);
      await world.write(producer, 'answer', '</end>');
      expect(texts(reading)).toEqual(['<start>', 'thinking', 'answer', '</end>']);
      expect(reading.endReason()).toBe('stream-end');
    }));

  it('of a producer that was only slow: what it writes then follows under the same stream id, and its answer ends once more by itself', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const reading = world.read(host, 'session-end');
      await world.write(producer, '<start>', 'a');
      producer.log.isDown = true;
      await world.write(producer, 'b');
      await world.pass(30_000);
      expect(texts(reading)).toEqual(['<start>', 'a', '</end>']);
      producer.log.comeBack(false);
      await world.write(producer, 'c');
      await world.pass(60_000);
      await world.write(producer, '</end>');
      expect(texts(reading)).toEqual(['<start>', 'a', '</end>', 'b', 'c', '</end>']);
      expect(new Set(reading.entries.map(({ streamId }) => streamId))).toEqual(new Set(['x']));
      expect(reading.entries.at(-1)?.attributes).toBeUndefined();
    }));

  it('is taken over by the host that goes on with the answer after a tool call, and ends with it', () =>
    inWorld(async (world) => {
      const [first, second, reader] = [world.host(), world.host(), world.host()];
      const reading = world.read(reader, 'session-end');
      const write = async ({ sessions }: Host, ...chunks: readonly string[]): Promise<void> => {
        for (const chunk of chunks) await sessions.logChunkToQueue(chunk, 's');
        await world.pass(50);
      };
      await write(first, '<start>', 'a', '<tool>', '</tool>');
      await write(second, '<start>', 'b');
      first.log.isDown = true;
      await world.pass(60_000);
      expect(texts(reading)).toEqual(['<start>', 'a', '<tool>', '</tool>', '<start>', 'b']);
      await write(second, '</end>');
      second.log.isDown = true;
      await world.pass(60_000);
      expect(texts(reading).slice(5)).toEqual(['b', '</end>']);
    }));

  it('ends with the life of its session, and is not begun with `Infinity`', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const reading = world.read(host, 'session-end');
      await world.write(producer, '<start>');
      host.sessions.endSession('s');
      producer.log.isDown = true;
      await world.pass(60_000);
      expect(texts(reading)).toEqual(['<start>']);
      const [forever, reader] = [world.host({ answerLeaseMillis: Infinity }), world.host()];
      const next = world.read(reader, 'stream-end');
      await world.write(forever, '<start>');
      forever.log.isDown = true;
      await world.pass(10 * 60_000);
      expect(texts(next)).toEqual(['<start>']);
    }));

  it('is renewed through failures that are shorter than it, and nothing is said', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const reading = world.read(host, 'session-end');
      await world.write(producer, '<start>');
      for (let round = 0; round < 20; round += 1) {
        await world.pass(7_000);
        producer.log.isDown = true;
        await world.pass(5_000);
        producer.log.isDown = false;
      }
      expect(texts(reading)).toEqual(['<start>']);
      expect(diagnostics.lines.filter((line) => line.includes('Memory'))).toEqual([]);
    }));

  it('lapses for readers whose wake-ups are all lost, however long they had waited before it', () =>
    inWorld(async (world) => {
      const [producer, deaf] = [world.host(), world.host()];
      deaf.log.faults = { ...NO_FAULTS, lostWakeUp: 1 };
      const reading = world.read(deaf, 'stream-end');
      await world.pass(60_000);
      await world.write(producer, '<start>', 'half an');
      await world.pass(6_000);
      expect(texts(reading)).toEqual(['<start>', 'half an']);
      producer.log.isDown = true;
      await world.pass(45_000);
      expect(texts(reading)).toEqual(['<start>', 'half an', '</end>']);
    }));

  it.each([0, 1, 2, 3, 4])('does not lapse while its producer comes back from an outage for all, 3%i s long', (more) =>
    inWorld(async (world) => {
      const [producer, host] = [world.host(), world.host()];
      const reading = world.read(host, 'stream-end');
      await world.write(producer, '<start>', 'half an');
      for (const { log } of [producer, host]) log.isDown = true;
      await world.pass(30_000 + 1_000 * more);
      host.log.comeBack(false);
      await world.pass(2_000);
      producer.log.comeBack(false);
      await world.pass(60_000);
      await world.write(producer, ' answer', '</end>');
      expect(texts(reading)).toEqual(['<start>', 'half an', ' answer', '</end>']);
    }),
  );

  it('may be as short as the option says', () =>
    inWorld(async (world) => {
      const [producer, host] = [world.host({ answerLeaseMillis: 1_000 }), world.host({ answerLeaseMillis: 1_000 })];
      const reading = world.read(host, 'stream-end');
      await world.write(producer, '<start>');
      await world.pass(30_000);
      expect(texts(reading)).toEqual(['<start>']);
      producer.log.isDown = true;
      await world.pass(3_000);
      expect(texts(reading)).toEqual(['<start>', '</end>']);
      expect(reading.endReason()).toBe('stream-end');
    }));

  it('ends every answer, none twice, and none of a producer that is well, whatever hosts do', async () => {
    const action = fc.record({
      host: fc.nat({ max: 2 }),
      does: fc.constantFrom('start', 'start', 'write', 'write', 'end', 'pause', 'go on', 'die'),
      millis: fc.constantFrom(10, 1_000, 4_000, 25_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), fc.integer(), async (actions, seed) => {
        vi.spyOn(Math, 'random').mockImplementation(seeded(seed));
        await inWorld(async (world) => {
          const hosts = [0, 1, 2].map(() => world.host());
          const reading = world.read(world.host(), 'session-end');
          const [dead, paused] = [new Set<number>(), new Set<number>()];
          const write = (host: number, text: string): Promise<void> =>
            (hosts[host] as Host).sessions.logChunkToQueue(text, 's', { streamId: `${host}` });
          for (const { host, does, millis } of actions) {
            const { log } = hosts[host] as Host;
            log.faults = { ...NO_FAULTS, lostAnswer: 0.1, delay: 0.2 };
            if (does === 'pause' || does === 'die') {
              log.isDown = true;
              (does === 'die' ? dead : paused).add(host);
            } else if (does === 'go on' && !dead.has(host)) {
              log.comeBack(false);
            } else if (!dead.has(host)) {
              void write(host, { start: '<start>', end: '</end>', write: 'text', 'go on': '' }[does as 'start']);
            }
            await world.pass(millis);
          }
          for (const host of [0, 1, 2]) if (!dead.has(host)) (hosts[host] as Host).log.comeBack(false);
          for (const host of [0, 1, 2]) if (!dead.has(host)) void write(host, '</end>');
          await world.pass(60_000);
          for (const host of [0, 1, 2]) {
            const kinds = reading.entries
              .filter(({ streamId }) => streamId === String(host))
              .map(({ kind, attributes }) => (attributes === undefined ? kind : 'lapsed'));
            const answers = kinds.join(' ').split('stream-start').slice(1);
            for (const answer of answers) expect(answer.match(/lapsed/g)?.length ?? 0).toBeLessThanOrEqual(1);
            if (answers.length > 0) expect(answers.at(-1)).toMatch(/lapsed|stream-end/);
            if (!dead.has(host) && !paused.has(host)) expect(kinds).not.toContain('lapsed');
          }
        });
      }),
      runs(60),
    );
  });
});
