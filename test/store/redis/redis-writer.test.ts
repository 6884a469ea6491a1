import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { RedisFailure, RedisSessionStore } from '../../../src/redis.ts';
import type {
  RedisCommand,
  RedisConnection,
  RedisConnectionEvents,
  RedisPort,
  RedisReply,
} from '../../../src/redis.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { until } from '../../support/until.ts';

type Answer = (command: RedisCommand, index: number) => RedisReply;

/** A server of arrays: keeps what it takes, and answers as the test says. */
class ScriptedPort implements RedisPort {
  readonly isCluster = false;
  /** Fields of the entries stored, by key. */
  readonly logs = new Map<string, string[][]>();
  /** Names of the commands of each batch. */
  readonly batches: string[][] = [];
  refuse: Answer = () => undefined;
  #ids = 0;

  connect(events: RedisConnectionEvents): RedisConnection {
    queueMicrotask(() => events.ready());
    return {
      exec: (commands) => Promise.resolve(this.#batch(commands)),
      subscribe: () => Promise.resolve(),
      unsubscribe: () => Promise.resolve(),
      close: () => {},
    };
  }

  texts(tag: string): string[] {
    const log = this.logs.get(`session_logs:{${tag}}:l`) ?? [];
    return log.map((fields) => (fields[fields.indexOf('d') + 1] as string).split(',')[1] as string);
  }

  #batch(commands: readonly RedisCommand[]): RedisReply[] {
    this.batches.push(commands.map(({ args }) => args[0] as string));
    return commands.map((command, index) => this.refuse(command, index) ?? this.carryOut(command));
  }

  carryOut({ key, args }: RedisCommand): RedisReply {
    const log = this.logs.get(key) ?? [];
    this.logs.set(key, log);
    if (args[0] === 'XADD') {
      this.#ids += 1;
      log.push([`${this.#ids}-0`, ...args.slice(args.indexOf('*') + 1)]);
      return `${this.#ids}-0`;
    }
    if (args[0] !== 'XREVRANGE') return 1;
    return log.toReversed().map(([id, ...fields]) => [id, fields]);
  }
}

const refusal = (code: string): RedisFailure => new RedisFailure(code, new Error(code));
const unknown = new RedisFailure(undefined, new Error('lost'));
const isAppend = ({ args }: RedisCommand): boolean => args[0] === 'XADD';

describe('writing to Redis', () => {
  const diagnostics = recordDiagnostics();

  it('sends what one tick logged in one batch: the entries, one time to live and one wake-up per session', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    for (const id of ['a', 'b']) store.append(id, 'warm', 0, undefined);
    await store.flush();
    port.batches.length = 0;
    for (const id of ['a', 'b', 'a']) store.append(id, 'x', 0, undefined);
    await sleep(50);
    expect(port.batches).toEqual([['XADD', 'XADD', 'XADD', 'PUBLISH', 'PUBLISH']]);
    await store.close();
  });

  it('an entry of unknown outcome that was stored is not sent again', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    let cuts = 1;
    port.refuse = (command) => {
      if (!isAppend(command) || cuts === 0) return undefined;
      // Carried out, but the answer is lost.
      cuts -= 1;
      port.carryOut(command);
      return unknown;
    };
    store.append('s', 'a', 0, undefined);
    await store.flush();
    store.append('s', 'b', 0, undefined);
    await store.flush();
    expect(port.texts('s')).toEqual(['a', 'b']);
    expect(store.stats().lost).toEqual({});
    await store.close();
  });

  it('of a batch of unknown outcome none is sent again that was stored', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    store.append('s', '0', 0, undefined);
    await store.flush();
    let appends = 0;
    // The connection broke after the first three were carried out, and no answer came.
    port.refuse = (command) => {
      appends += isAppend(command) ? 1 : 0;
      if (appends > 5) return undefined;
      if (isAppend(command) && appends <= 3) port.carryOut(command);
      return unknown;
    };
    for (let index = 1; index <= 5; index += 1) store.append('s', String(index), 0, undefined);
    await until(() => appends === 5);
    appends = 6;
    await store.flush();
    expect(port.texts('s')).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
    await store.close();
  });

  it('an entry of unknown outcome that was not stored is sent again, in its place', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    store.append('s', 'a', 0, undefined);
    await store.flush();
    let isCut = true;
    port.refuse = (command) => (isCut && isAppend(command) ? unknown : undefined);
    for (const text of ['b', 'c']) store.append('s', text, 0, undefined);
    await sleep(20);
    isCut = false;
    store.append('s', 'd', 0, undefined);
    await store.flush();
    expect(port.texts('s')).toEqual(['a', 'b', 'c', 'd']);
    await store.close();
  });

  it('a server that recovers in the middle of a batch costs no entry once the writer knows that it is in trouble', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    store.append('s', '0', 0, undefined);
    await store.flush();
    let refusals = 25;
    port.refuse = (command) => {
      if (!isAppend(command) || refusals === 0) return undefined;
      refusals -= 1;
      return refusal('CLUSTERDOWN');
    };
    for (let index = 1; index <= 20; index += 1) store.append('s', String(index), 0, undefined);
    await store.flush();
    expect(port.texts('s')).toEqual(Array.from({ length: 21 }, (_, index) => String(index)));
    expect(store.stats().lost).toEqual({});
    await store.close();
  });

  it('an entry that a later one has overtaken is dropped and counted, never stored out of order', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    store.append('s', '0', 0, undefined);
    await store.flush();
    let refusals = 2;
    port.refuse = (command) => {
      if (!isAppend(command) || refusals === 0) return undefined;
      refusals -= 1;
      return refusal('OOM');
    };
    for (let index = 1; index <= 5; index += 1) store.append('s', String(index), 0, undefined);
    await store.flush();
    expect(port.texts('s')).toEqual(['0', '3', '4', '5']);
    expect(store.stats().lost).toEqual({ store_refused: 2 });
    await store.close();
  });

  it('an entry of unknown outcome before others that were stored is no refusal: nothing is dropped, doubled or counted', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    store.append('s', '0', 0, undefined);
    await store.flush();
    let appends = 0;
    port.refuse = (command) => {
      // Of five the first three time out, after they were carried out.
      if (!isAppend(command) || ++appends > 3) return undefined;
      port.carryOut(command);
      return unknown;
    };
    for (let index = 1; index <= 5; index += 1) store.append('s', String(index), 0, undefined);
    await store.flush();
    expect(port.texts('s')).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
    await store.close();
  });

  it('one session that is refused for now does not hold up the others', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    port.refuse = (command) => (isAppend(command) && command.key.includes('{bad}') ? refusal('TRYAGAIN') : undefined);
    for (let index = 0; index < 5; index += 1) {
      store.append('bad', String(index), 0, undefined);
      store.append('good', String(index), 0, undefined);
      await sleep(10);
    }
    await sleep(50);
    expect(port.texts('good')).toEqual(['0', '1', '2', '3', '4']);
    expect(store.stats().entries).toBe(5);
    port.refuse = () => undefined;
    await store.flush();
    expect(port.texts('bad')).toEqual(['0', '1', '2', '3', '4']);
    expect(diagnostics.lines.filter((line) => line.includes('TRYAGAIN'))).toHaveLength(1);
    await store.close();
  });

  it('whoever may not read what it wrote does not write twice', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    store.append('s', 'a', 0, undefined);
    await store.flush();
    let isCut = true;
    port.refuse = (command) => {
      if (command.args[0] === 'XREVRANGE') return refusal('NOPERM');
      return isCut && isAppend(command) ? unknown : undefined;
    };
    store.append('s', 'b', 0, undefined);
    await sleep(20);
    isCut = false;
    await store.flush();
    expect(port.texts('s')).toEqual(['a']);
    expect(store.stats().lost).toEqual({ store_refused: 1 });
    await store.close();
  });

  it('a time to live that was refused for now is set with the next batch', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port });
    let isRefusing = true;
    port.refuse = ({ args }) => (isRefusing && args[0] === 'PEXPIRE' ? refusal('OOM') : undefined);
    store.append('s', 'a', 0, undefined);
    await store.flush();
    isRefusing = false;
    store.append('s', 'b', 0, undefined);
    await store.flush();
    store.append('s', 'c', 0, undefined);
    await store.flush();
    expect(port.batches.map((names) => names.filter((name) => name === 'PEXPIRE').length)).toEqual([1, 1, 0]);
    await store.close();
  });

  it('keeps the state of so many sessions only', async () => {
    const port = new ScriptedPort();
    const store = new RedisSessionStore({ client: port, maxSessions: 10 });
    for (let index = 0; index < 100; index += 1) {
      store.append(`s${index}`, 'x', 0, undefined);
      await store.flush();
    }
    expect(store.stats().sessions).toBeLessThanOrEqual(10);
    await store.close();
  });
});
