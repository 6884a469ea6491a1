import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { sleep } from '../../support/timers.ts';
import type { RemoteAppend, RemoteLog, RemoteLogEvents, RemoteRange, RemoteWrite } from '../remote/remote-log.ts';
import type { Maybe } from '../session-store.ts';
import type { ContractRunner } from './contract-kit.ts';

/** Makes a log: two of them are two hosts over one server. The suite starts and closes it. */
export type MakeRemoteLog = () => Maybe<RemoteLog>;

const ALL: RemoteRange = { direction: 'forward', from: undefined, limit: 10_000 };
const WAKE_MILLIS = 4_000;

function write(position: number, fields: readonly string[], more: Partial<RemoteWrite> = {}): RemoteWrite {
  return { position, fields, replacesAll: false, opens: undefined, closes: undefined, ...more };
}

function writesOf(first: number, count: number): RemoteWrite[] {
  return Array.from({ length: count }, (_, index) => {
    const position = first + index;
    return write(position, ['d', `${position}`, 'p', 'x']);
  });
}

/** What one test has: two hosts, and a session that is new to the server. */
class Hosts {
  readonly session: string = `s-${randomUUID()}`;
  readonly one: RemoteLog;
  readonly other: RemoteLog;
  /** Sessions of wake-ups that the other host was given. */
  readonly woken: string[] = [];

  constructor(one: RemoteLog, other: RemoteLog) {
    this.one = one;
    this.other = other;
    const silent: RemoteLogEvents = { wake() {}, renewWatches() {}, retry() {} };
    one.start(silent);
    other.start({ ...silent, wake: (session) => this.woken.push(session) });
  }

  append(writes: readonly RemoteWrite[], more: Partial<RemoteAppend> = {}, log: RemoteLog = this.one): Promise<void> {
    const { session } = this;
    return log.append({
      session,
      producer: 'p',
      writes,
      maxItems: 1_000,
      ttlMillis: 60_000,
      renewsTtl: true,
      renews: [],
      leaseMillis: 60_000,
      ...more,
    });
  }

  /** The first value of each item. */
  async read(range: Partial<RemoteRange> = {}, session: string = this.session): Promise<(string | undefined)[]> {
    return (await this.other.read(session, { ...ALL, ...range })).map(({ fields }) => fields[1]);
  }

  async ids(): Promise<string[]> {
    return (await this.other.read(this.session, ALL)).map(({ id }) => id);
  }
}

type Test = (title: string, body: (hosts: Hosts) => Promise<void>) => void;

/**
 * Defines the suite that every {@link RemoteLog} passes, as `describeSessionStore` does for stores. It says what the
 * interface promises, call by call; a store over a log that passes it should pass the other suite too.
 */
export function describeRemoteLog(name: string, make: MakeRemoteLog, { describe, it }: ContractRunner): void {
  const test: Test = (title, body) => {
    it(title, async () => {
      const hosts = new Hosts(await make(), await make());
      try {
        await body(hosts);
      } finally {
        hosts.one.close();
        hosts.other.close();
      }
    });
  };
  describe(name, () => {
    appendContract(test);
    readContract(test);
    sessionContract(test);
    leaseContract(test);
  });
}

function appendContract(test: Test): void {
  test('the same call made twice appends once', async (hosts) => {
    await hosts.append(writesOf(1, 5));
    await hosts.append(writesOf(1, 5));
    await Promise.all([hosts.append(writesOf(3, 5)), hosts.append(writesOf(3, 5), {}, hosts.other)]);
    assert.deepEqual(await hosts.read(), ['1', '2', '3', '4', '5', '6', '7']);
    await hosts.append([]);
    assert.equal((await hosts.read()).length, 7);
  });

  test('positions are those of one producer in one session', async (hosts) => {
    const first = Date.now() * 1000;
    await hosts.append(writesOf(first + 10, 2));
    await hosts.append(writesOf(first, 2), { producer: 'q' });
    await hosts.append(writesOf(first, 2), { session: `${hosts.session}-2` });
    await hosts.append(writesOf(first + 5, 2));
    assert.deepEqual(await hosts.read(), [first + 10, first + 11, first, first + 1].map(String));
    assert.deepEqual(await hosts.read({}, `${hosts.session}-2`), [first, first + 1].map(String));
  });

  test('positions of a hundred producers are kept', async (hosts) => {
    for (const round of [1, 2]) {
      for (let index = 0; index < 100; index += 1) {
        await hosts.append(writesOf(1, 1), { producer: `producer${index}` });
      }
      assert.equal((await hosts.read()).length, 100, `round ${round}`);
    }
  });

  test('calls made side by side keep the order of each', async (hosts) => {
    const producers = ['a', 'b', 'c'];
    const calls = producers.map((producer) => hosts.append(writesOf(1, 100), { producer }));
    await Promise.all(calls);
    assert.equal((await hosts.read()).length, 300);
    const items = await hosts.read();
    // All or none, one after the other: nothing of another call in between.
    for (let at = 0; at < 300; at += 100) {
      assert.deepEqual(
        items.slice(at, at + 100),
        writesOf(1, 100).map(({ position }) => String(position)),
      );
    }
  });

  test('text comes back as it was', async (hosts) => {
    const texts = ['', ' ', 'a\r\nb\0c', '"\\{}\'`;--', '漢字 🙂 é', 'x'.repeat(300_000)];
    const fields = texts.flatMap((text, index) => [`f${index}`, text]);
    await hosts.append([write(1, fields)]);
    assert.deepEqual((await hosts.one.read(hosts.session, ALL))[0]?.fields, fields);
  });

  test('one that replaces all is alone', async (hosts) => {
    await hosts.append(writesOf(1, 50));
    const fields = ['x', 'gone'];
    const replacing = write(53, fields, { replacesAll: true });
    await hosts.append([...writesOf(51, 2), replacing]);
    assert.deepEqual(await hosts.read(), ['gone']);
    await hosts.append([replacing, ...writesOf(54, 1)]);
    assert.deepEqual(await hosts.read(), ['gone', '54']);
  });

  test('the oldest go when there are more than are kept', async (hosts) => {
    for (let first = 1; first < 1_000; first += 100) await hosts.append(writesOf(first, 100), { maxItems: 100 });
    const left = await hosts.read();
    assert.ok(left.length >= 100 && left.length <= 200, `${left.length} are left`);
    assert.deepEqual(
      left,
      writesOf(1_001 - left.length, left.length).map(({ position }) => String(position)),
    );
  });
}

function readContract(test: Test): void {
  test('ids sort as text in the order appended, and are ids', async (hosts) => {
    for (let first = 1; first <= 120; first += 12) await hosts.append(writesOf(first, 12));
    const ids = await hosts.ids();
    assert.equal(new Set(ids).size, 120);
    assert.deepEqual(ids.toSorted(), ids);
    for (const id of ids) {
      assert.match(id, /^[\x21-\x7e]{1,64}$/);
      assert.equal(hosts.one.isId(id), true, id);
    }
    for (const text of ['', ' ', `${ids[0]} `, `${ids[0]}\n`, 'ü', '*', "'", `${ids[0]}${ids[0]}${ids[0]}`]) {
      assert.equal(hosts.one.isId(text), false, JSON.stringify(text));
    }
  });

  test('a range goes on from an item, forward and back', async (hosts) => {
    await hosts.append(writesOf(1, 9));
    const ids = await hosts.ids();
    assert.deepEqual(await hosts.read({ limit: 2 }), ['1', '2']);
    assert.deepEqual(await hosts.read({ direction: 'back', limit: 2 }), ['9', '8']);
    assert.deepEqual(await hosts.read({ from: ids[3] as string, limit: 3 }), ['4', '5', '6']);
    assert.deepEqual(await hosts.read({ direction: 'back', from: ids[3] as string }), ['4', '3', '2', '1']);
    assert.deepEqual(await hosts.read({ from: ids[8] as string, limit: 5 }), ['9']);
  });

  test('a range goes on from where an item was that is gone', async (hosts) => {
    await hosts.append(writesOf(1, 400));
    const [oldest] = await hosts.ids();
    await hosts.append(writesOf(401, 1), { maxItems: 100 });
    const [first] = await hosts.read();
    assert.deepEqual(await hosts.read({ from: oldest as string, limit: 1 }), [first]);
    assert.deepEqual(await hosts.read({ direction: 'back', from: oldest as string }), []);
  });

  test('a session that is not there has nothing', async (hosts) => {
    assert.deepEqual(await hosts.read(), []);
    assert.equal(await hosts.one.claim(hosts.session), undefined);
  });
}

function sessionContract(test: Test): void {
  test('each item is claimed once, by one of all hosts, in order', async (hosts) => {
    await hosts.append(writesOf(1, 20));
    const claimed: string[][] = [[], []];
    const work = [hosts.one, hosts.other].map(async (log, index) => {
      for (let item = await log.claim(hosts.session); item !== undefined; item = await log.claim(hosts.session)) {
        claimed[index]?.push(item.fields[1] as string);
      }
    });
    await Promise.all(work);
    for (const own of claimed)
      assert.deepEqual(
        own,
        own.toSorted((a, b) => Number(a) - Number(b)),
      );
    assert.deepEqual(
      claimed.flat().sort(),
      writesOf(1, 20)
        .map(({ position }) => String(position))
        .sort(),
    );
    await hosts.append(writesOf(21, 1));
    const next = await hosts.one.claim(hosts.session);
    assert.ok(next);
    assert.equal(next.fields[1], '21');
    await hosts.one.setAside(hosts.session, next.id);
    assert.equal(await hosts.one.claim(hosts.session), undefined);
  });

  test('who watches a session is told of what any host appends', async (hosts) => {
    await hosts.other.watch(hosts.session);
    await hosts.append(writesOf(1, 1));
    const end = performance.now() + WAKE_MILLIS;
    while (!hosts.woken.includes(hosts.session) && performance.now() < end) await sleep(5);
    assert.ok(hosts.woken.includes(hosts.session));
    await hosts.other.unwatch(hosts.session);
  });

  test('a session is forgotten when its time has passed, with all that is kept of it; renewing puts it off', async (hosts) => {
    await hosts.append(writesOf(1, 3), { ttlMillis: 60_000 });
    assert.notEqual(await hosts.one.claim(hosts.session), undefined);
    await hosts.append(writesOf(4, 1), { ttlMillis: 200, renewsTtl: false });
    await sleep(400);
    assert.equal((await hosts.read()).length, 4);
    const before = await hosts.ids();
    await hosts.append(writesOf(5, 1), { ttlMillis: 200 });
    await sleep(400);
    assert.deepEqual(await hosts.read(), []);
    await hosts.append(writesOf(1, 2));
    assert.deepEqual(await hosts.read(), ['1', '2']);
    const after = await hosts.ids();
    assert.deepEqual([...before, ...after].toSorted(), [...before, ...after]);
    assert.equal((await hosts.one.claim(hosts.session))?.fields[1], '1');
  });

  test('a session that begins has its time to live, also when the producer knows of no need to renew it', async (hosts) => {
    const other = `${hosts.session}-2`;
    await hosts.append(writesOf(1, 1), { ttlMillis: 200, renewsTtl: false });
    await hosts.append(writesOf(1, 2), { ttlMillis: 200, renewsTtl: false, session: other });
    assert.deepEqual(await hosts.read(), ['1']);
    assert.deepEqual(await hosts.read({}, other), ['1', '2']);
    await sleep(400);
    assert.deepEqual(await hosts.read(), []);
    assert.deepEqual(await hosts.read({}, other), []);
  });
}

function leaseContract(test: Test): void {
  const leaseMillis = 300;
  const opening = (position: number, name: string): RemoteWrite =>
    write(position, ['d', `start of ${name}`], { opens: { name, will: ['d', `will of ${name}`] } });
  const lapsed = (): Promise<void> => sleep(leaseMillis + 100);

  test('what a lease leaves is appended once when it lapses, whoever asks', async (hosts) => {
    assert.equal(await hosts.one.lapse(hosts.session), undefined);
    await hosts.append([opening(1, 'a'), ...writesOf(2, 1)], { leaseMillis });
    await hosts.append([opening(1, 'b')], { producer: 'q', leaseMillis: 60_000 });
    await hosts.other.watch(hosts.session);
    await lapsed();
    assert.deepEqual(await hosts.read(), ['start of a', '2', 'start of b']);
    hosts.woken.length = 0;
    const asking = [hosts.one, hosts.other, hosts.one].map((log) => log.lapse(hosts.session));
    const left = await Promise.all(asking);
    for (const millis of left) assert.ok(millis !== undefined && millis > 50_000 && millis <= 60_000, String(millis));
    assert.deepEqual(await hosts.read(), ['start of a', '2', 'start of b', 'will of a']);
    const end = performance.now() + WAKE_MILLIS;
    while (hosts.woken.length === 0 && performance.now() < end) await sleep(5);
    assert.deepEqual(hosts.woken[0], hosts.session);
    // Who comes back too late has nothing to renew.
    await hosts.append([opening(1, 'a'), ...writesOf(2, 2)], { renews: [{ name: 'a', will: ['d', 'late'] }] });
    assert.deepEqual((await hosts.read()).slice(3), ['will of a', '3']);
  });

  test('a lease is renewed by its producer only, and with its last will', async (hosts) => {
    await hosts.append([opening(1, 'a')], { leaseMillis });
    for (let round = 0; round < 4; round += 1) {
      await sleep(leaseMillis / 2);
      await hosts.append([], { leaseMillis: 60_000, renews: [{ name: 'a', will: ['d', `will ${round}`] }] });
      await hosts.append([], { producer: 'q', leaseMillis: 1, renews: [{ name: 'a', will: ['d', 'of another'] }] });
    }
    assert.ok(((await hosts.one.lapse(hosts.session)) ?? 0) > 50_000);
    assert.deepEqual(await hosts.read(), ['start of a']);
    await hosts.append([], { leaseMillis, renews: [{ name: 'a', will: ['d', 'last will'] }] });
    await lapsed();
    assert.equal(await hosts.one.lapse(hosts.session), undefined);
    assert.deepEqual(await hosts.read(), ['start of a', 'last will']);
  });

  test('a lease that was taken over or closed leaves nothing', async (hosts) => {
    for (const [index, name] of ['a', 'b', 'c'].entries())
      await hosts.append([opening(index + 1, name)], { leaseMillis });
    await hosts.append([opening(1, 'a')], { producer: 'q', leaseMillis: 60_000 });
    await hosts.append([write(2, ['d', 'end of b'], { closes: 'b' })], { producer: 'q' });
    await lapsed();
    assert.ok(((await hosts.one.lapse(hosts.session)) ?? 0) > 50_000);
    assert.deepEqual((await hosts.read()).slice(3), ['start of a', 'end of b', 'will of c']);
    await hosts.append([write(3, ['d', 'end'], { closes: true })], { producer: 'q' });
    assert.equal(await hosts.one.lapse(hosts.session), undefined);
  });

  test('of a session that is forgotten no lease is left', async (hosts) => {
    await hosts.append([opening(1, 'a')], { leaseMillis, ttlMillis: 200 });
    await sleep(500);
    assert.equal(await hosts.one.lapse(hosts.session), undefined);
    assert.deepEqual(await hosts.read(), []);
  });
}
