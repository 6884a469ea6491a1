import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

import { MemorySessionStore, SessionLogs, sharedSessionLogs } from '../../src/index.ts';
import type { LogEntry } from '../../src/index.ts';
import { builtSource } from '../support/built-source.ts';
import { collect } from '../support/collect.ts';

const open: SessionLogs[] = [];
function start(options: ConstructorParameters<typeof SessionLogs>[0] = {}): SessionLogs {
  const sessions = new SessionLogs({ loggerProvider: () => undefined, ...options });
  open.push(sessions);
  return sessions;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((sessions) => sessions.shutdown()));
});

describe('SessionLogs', () => {
  it('is typed', () => {
    const sessions = start();
    expectTypeOf(sessions.getAllLogsInQueue()).toEqualTypeOf<LogEntry[]>();
    expectTypeOf(sessions.allSessionsInQueue).toEqualTypeOf<string[]>();
    expectTypeOf(sessions.logChunkToQueue('x', 's')).toEqualTypeOf<Promise<void>>();
    expectTypeOf(sessions.withSession('s', () => 5)).toEqualTypeOf<number>();
    // @ts-expect-error -- a session id is needed
    expect(() => sessions.logChunkToQueue('x')).toThrow(TypeError);
  });

  it('distribute: endless resolves on shutdown, rejects on abort, before or during', async () => {
    const sessions = start();
    const reason = new Error('stop');
    await expect(sessions.distribute({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const aborted = sessions.distribute({ signal: abort.signal });
    const ending = sessions.distribute();
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await sessions.shutdown();
    await ending;
    await sessions.distribute();
  });

  it('shutdown gives every caller the same promise', () => {
    const sessions = start();
    expect(sessions.shutdown()).toBe(sessions.shutdown({ timeoutMillis: 5 }));
  });

  it('getAllLogsInQueue is a new array in the order logged across sessions; limit: the newest n', async () => {
    const sessions = start();
    for (const [text, id] of [
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'a'],
      ['4', 'c'],
    ] as const) {
      await sessions.logChunkToQueue(text, id);
    }
    const messages = (options?: object): string[] => sessions.getAllLogsInQueue(options).map(({ message }) => message);
    expect(messages()).toEqual(['1', '2', '3', '4']);
    expect(messages({ limit: 2 })).toEqual(['3', '4']);
    expect(messages({ limit: 0 })).toEqual([]);
    expect(messages({ sessionId: 'a' })).toEqual(['1', '3']);
    expect(messages({ sessionId: 'a', limit: 1 })).toEqual(['3']);
    expect(sessions.getAllLogsInQueue()).not.toBe(sessions.getAllLogsInQueue());
    expect(messages({ sessionId: '__proto__' })).toEqual([]);
  });

  it('a store without entries of its own says what to use instead', () => {
    const nothing = (): Promise<void> => Promise.resolve();
    const store = { append: nothing, open: nothing, claim: nothing, close: nothing } as never;
    expect(() => new SessionLogs({ store }).getAllLogsInQueue()).toThrow(/followSession/);
  });

  it('entries are frozen deeply, and what the caller changes later does not show', () => {
    const sessions = start();
    const attributes = { list: ['a'], nested: { deep: [1] }, 'session.id': 'other', 'session_logs.x': 1 };
    void sessions.logChunkToQueue('x', 's', { attributes, timestamp: '2026-01-02T03:04:05+01:00' });
    attributes.list.push('b');
    attributes.nested.deep.push(2);
    const [entry] = sessions.getAllLogsInQueue() as [LogEntry];
    expect(entry).toMatchObject({ sessionId: 's', timestamp: '2026-01-02T02:04:05.000Z' });
    expect(entry.attributes).toEqual({ list: ['a'], nested: { deep: [1] } });
    const frozen: unknown[] = [entry, entry.attributes, entry.attributes?.['list'], entry.attributes?.['nested']];
    expect(frozen.every((value) => Object.isFrozen(value))).toBe(true);
  });

  it('the shared instance is one per process; after its end there is a new one', async () => {
    const first = sharedSessionLogs();
    expect(sharedSessionLogs()).toBe(first);
    expect(first.isShutDown).toBe(false);
    await first.shutdown();
    expect(first.isShutDown).toBe(true);
    const second = sharedSessionLogs();
    open.push(second);
    expect(second).not.toBe(first);
    await second.logChunkToQueue('alive', 's');
    expect(second.allSessionsInQueue).toEqual(['s']);
  });

  it('its methods can be handed on by themselves, those of a handle too', async () => {
    const sessions = start();
    /* oxlint-disable typescript/unbound-method -- that is what is tried */
    const { logChunkToQueue, getSessionLogs, session, stats, endSession } = sessions;
    await logChunkToQueue('1', 's');
    const { write, follow, end } = session('s');
    /* oxlint-enable typescript/unbound-method */
    await write('2');
    endSession('other');
    end();
    expect(await collect(getSessionLogs('s'))).toEqual(['1', '2']);
    expect((await collect(follow())).map(({ message }) => message)).toEqual(['1', '2']);
    expect(stats().entries).toBe(2);
  });

  it('works behind a Proxy, as containers for dependency injection put it', async () => {
    class Named extends SessionLogs {
      override session(sessionId: string): ReturnType<SessionLogs['session']> {
        return super.session(`tenant/${sessionId}`);
      }
      get names(): string {
        return this.allSessionsInQueue.join();
      }
    }
    const own = new Named({ loggerProvider: () => undefined });
    open.push(own);
    const sessions = new Proxy(own, {});
    await sessions.session('s').write('x');
    expect(sessions.allSessionsInQueue).toEqual(['tenant/s']);
    expect(sessions.allSessionsInQueues).toEqual(['tenant/s']);
    expect(sessions.names).toBe('tenant/s');
    expect(sessions.getAllLogsInQueue()).toHaveLength(1);
    expect(sessions).toBeInstanceOf(SessionLogs);
    await sessions.shutdown();
    expect(own.isShutDown).toBe(true);
  });

  it('an async `loggerProvider` that rejects ends no process, and chunks are readable', async () => {
    const rejections: unknown[] = [];
    const note = (error: unknown): void => void rejections.push(error);
    process.on('unhandledRejection', note);
    const sessions = start({ loggerProvider: (() => Promise.reject(new Error('late'))) as never });
    await sessions.logChunkToQueue('x', 's');
    await sleep(0);
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
    expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['x']);
  });

  it('a handler that throws turns the echo off and never reaches the caller', async () => {
    const heard: string[] = [];
    const sessions = start({
      streamHandler: (text) => {
        heard.push(text);
        if (heard.length === 2) throw new Error('closed');
      },
    });
    for (const text of ['1', '2', '3']) await sessions.logChunkToQueue(text, 's');
    expect(heard).toEqual(['1', '2']);
    expect(sessions.getAllLogsInQueue()).toHaveLength(3);
  });
});

describe('bounds of the memory store', () => {
  const bounded = (options: ConstructorParameters<typeof MemorySessionStore>[0]): SessionLogs =>
    start({ store: new MemorySessionStore(options) });

  it("'drop-newest' refuses and counts; 'drop-oldest' drops and counts", () => {
    for (const overflow of ['drop-newest', 'drop-oldest'] as const) {
      const sessions = bounded({ maxEntriesPerSession: 2, overflow });
      for (const text of ['1', '2', '3', '4']) void sessions.logChunkToQueue(text, 's');
      const held = sessions.getAllLogsInQueue().map(({ message }) => message);
      expect(held).toEqual(overflow === 'drop-newest' ? ['1', '2'] : ['3', '4']);
      expect(sessions.stats().lost).toEqual({ session_full: 2 });
    }
  });

  it('bytes: 32 + 1.75 x its length of an entry, 384 + 2 x its id of a session, and the bound of a session holds', () => {
    const sessions = bounded({ maxBytesPerSession: 500 });
    void sessions.logChunkToQueue('x'.repeat(10), 's');
    expect(sessions.stats().bytes).toBe(384 + 2 + 32 + 17);
    for (let n = 0; n < 20; n += 1) {
      void sessions.logChunkToQueue('x'.repeat(n * 5), 's');
      expect(sessions.stats().bytes).toBeLessThanOrEqual(500 + 384 + 2);
    }
    void sessions.logChunkToQueue('x'.repeat(300), 's');
    expect(sessions.getAllLogsInQueue().at(-1)?.message).toHaveLength(95);
  });

  it('maxBytes: ended sessions go first, then the least recently used; one with a reader keeps its newest', async () => {
    const sessions = bounded({ maxBytes: 52_000 });
    const text = 'x'.repeat(5_000);
    await sessions.logChunkToQueue(text, 'read');
    const reader = sessions.followSession('read');
    await reader.next();
    await sessions.logChunkToQueue(text, 'old');
    await sessions.logChunkToQueue(text, 'ended');
    sessions.endSession('ended');
    await sessions.logChunkToQueue(text, 'young');
    await sessions.logChunkToQueue(text, 'young');
    expect(sessions.allSessionsInQueue).toEqual(['ended', 'old', 'read', 'young']);
    await sessions.logChunkToQueue(text, 'young');
    expect(sessions.allSessionsInQueue).toEqual(['old', 'read', 'young']);
    await sessions.logChunkToQueue(text, 'young');
    expect(sessions.allSessionsInQueue).toEqual(['read', 'young']);
    for (let n = 0; n < 20; n += 1) await sessions.logChunkToQueue(`${n}`.padEnd(5_000), 'read');
    expect(sessions.getAllLogsInQueue({ sessionId: 'read' }).at(-1)?.message.trim()).toBe('19');
    expect(sessions.stats().bytes).toBeLessThanOrEqual(52_000);
    await reader.return();
  });

  it('maxSessions: ended sessions go before the least recently used', async () => {
    const sessions = bounded({ maxSessions: 2 });
    await sessions.logChunkToQueue('x', 'old');
    await sessions.logChunkToQueue('x', 'ended');
    sessions.endSession('ended');
    await sessions.logChunkToQueue('x', 'new');
    expect(sessions.allSessionsInQueue).toEqual(['new', 'old']);
    await sessions.logChunkToQueue('x', 'newer');
    expect(sessions.allSessionsInQueue).toEqual(['new', 'newer']);
  });

  it('when all sessions have readers, a new one is counted and refused', async () => {
    const sessions = bounded({ maxSessions: 1 });
    await sessions.logChunkToQueue('x', 'a');
    const reader = sessions.followSession('a');
    await reader.next();
    await sessions.logChunkToQueue('x', 'b');
    expect(sessions.allSessionsInQueue).toEqual(['a']);
    expect(sessions.stats().lost).toEqual({ store_full: 1 });
    await reader.return();
    await sessions.logChunkToQueue('x', 'b');
    expect(sessions.allSessionsInQueue).toEqual(['b']);
  });

  it('idle and ended sessions are forgotten after their times, never while a reader is on them', async () => {
    let now = 0;
    const sessions = bounded({ idleTtlMillis: 1_000, endedTtlMillis: 100, now: () => now });
    for (const id of ['idle', 'ended', 'read']) await sessions.logChunkToQueue('x', id);
    const reader = sessions.followSession('read');
    await reader.next();
    now = 900;
    sessions.endSession('ended');
    now = 999;
    expect(sessions.allSessionsInQueue).toEqual(['ended', 'idle', 'read']);
    now = 1_000;
    expect(sessions.allSessionsInQueue).toEqual(['read']);
    expect(sessions.stats().lost).toEqual({ expired: 2 });
    now = 10_000;
    expect(sessions.allSessionsInQueue).toEqual(['read']);
    await reader.return();
    now = 10_999;
    expect(sessions.allSessionsInQueue).toEqual(['read']);
    now = 11_000;
    expect(sessions.allSessionsInQueue).toEqual([]);
  });

  it('each of a thousand lives ends where it ended', async () => {
    const sessions = start();
    for (let life = 0; life < 1_000; life += 1) {
      void sessions.logChunkToQueue(String(life), 's');
      if (life < 999) sessions.endSession('s');
    }
    expect(await collect(sessions.getSessionLogs('s'), 1)).toEqual(['999']);
    const cursor = sessions.processor.store.claim('s');
    const steps: string[] = [];
    for (let n = 0; n < 2_000; n += 1) steps.push(await cursor.step());
    expect(steps.filter((step) => step === 'entry')).toHaveLength(1_000);
    expect(steps.filter((step) => step === 'end')).toHaveLength(999);
  });
});

describe('a process', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'session-logs-process-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function run(name: string, code: string): Promise<string> {
    const file = join(directory, `${name}.mjs`);
    const index = JSON.stringify(builtSource().url('index.js'));
    writeFileSync(
      file,
      `import { SessionLogs, startSessionLogs } from ${index};\nvoid SessionLogs; void startSessionLogs;\n${code}`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      timeout: 20_000,
      env: { ...process.env, LOGS_PATH: join(directory, name) },
    });
    return stdout;
  }

  it('that logs, reads with for await and does nothing else prints and flushes everything and exits with 0', async () => {
    const code = `
      async function main() {
        const sessions = await startSessionLogs();
        for (let n = 0; n < 5; n += 1) await sessions.logChunkToQueue('chunk ' + n, 'abc123');
        sessions.endSession('abc123');
        for await (const chunk of sessions.getSessionLogs('abc123', { wait: false })) console.log(chunk);
      }
      void main();`;
    expect(await run('reads', code)).toBe('chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n');
    const [file] = readdirSync(join(directory, 'reads'));
    const lines = readFileSync(join(directory, 'reads', file as string), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[4]).toMatch(/^\d{4}-\S+Z CHAT \[abc123\] chunk 4/);
  });

  it('exits although sessions are held and a reader waits without a timeout', async () => {
    const code = `
      const sessions = new SessionLogs();
      void sessions.logChunkToQueue('held', 's');
      void sessions.followSession('never').next();
      console.log('done');`;
    expect(await run('idle', code)).toBe('done\n');
    await sleep(0);
  });
});
