import { randomUUID } from 'node:crypto';

import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry/entry-detail.ts';
import type { EntryDetail } from '../../../src/entry/entry-detail.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { END, readAll, readFrom, START } from '../../../src/store/contract/contract-kit.ts';
import type { SessionStore } from '../../../src/store/session-store.ts';
import { MemorySessionStore } from '../../../src/store/memory/memory.ts';
import { runs } from '../../support/properties.ts';
import { CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

const TOOL_END: Partial<EntryDetail> = { kind: 'tool-call-end' };

/** What a process may log, by the name that a failure shows. */
const STEPS: Readonly<Record<string, Partial<EntryDetail> | undefined>> = {
  start: START,
  end: END,
  toolEnd: TOOL_END,
  text: undefined,
  error: { kind: 'error' },
  log: { logType: 'log', kind: 'tool-call-end' },
  startOfX: { ...START, streamId: 'x' },
  textOfX: { streamId: 'x' },
  endOfX: { ...END, streamId: 'x' },
};

async function take(store: SessionStore, sessionId: string, steps: readonly string[]): Promise<void> {
  for (const name of steps) {
    const fields = STEPS[name];
    if (name === 'endOfLife') store.end(sessionId);
    else store.append(sessionId, name, 0, fields && entryDetail(fields));
  }
  await store.flush();
}

/** Reads so many entries, or what there is, as an unread reader that leaves then. */
async function readUnread(store: SessionStore, sessionId: string, count: number): Promise<void> {
  const cursor = store.open(sessionId, { from: 'unread' });
  for (let read = 0; read < count && (await cursor.step()) === 'entry'; read += 1) cursor.delivered();
  cursor.leave();
}

/** What readers of the store are told of the answers in a session. */
async function told(store: SessionStore, sessionId: string): Promise<object> {
  const { ids, messages } = await readFrom(store, sessionId, 'start');
  const states: string[] = [];
  for (const id of ids) states.push(await store.streamState(sessionId, id));
  const latest = (await readFrom(store, sessionId, 'stream')).messages;
  return { messages, states, latest, unread: (await readFrom(store, sessionId, 'unread')).messages };
}

describe.skipIf(REDIS === undefined)(`an answer that several hosts write${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  let hostA: RedisSessionStore;
  let hostB: RedisSessionStore;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    const prefix = `answers:${randomUUID()}`;
    const [makeClient] = Object.values(CLIENTS) as [(port: number) => never];
    hostA = new RedisSessionStore({ client: makeClient(server.port), prefix });
    hostB = new RedisSessionStore({ client: makeClient(server.port), prefix });
  });
  afterEach(() => Promise.all([hostA.close(), hostB.close()]));

  /** Stored when it resolves, so that the order of the hosts is certain. */
  async function write(host: RedisSessionStore, message: string, fields?: Partial<EntryDetail>): Promise<void> {
    host.append('s', message, 0, fields === undefined ? undefined : entryDetail(fields));
    await host.flush();
  }

  it.each(['the start', 'the tool call and the start'])('goes on when another host logs %s', async (what) => {
    await write(hostA, 'one', START);
    await write(what === 'the start' ? hostA : hostB, 'tool end', TOOL_END);
    await write(hostB, 'two', START);
    await write(hostB, 'text');
    expect((await readFrom(hostA, 's', 'stream')).messages).toEqual(['one', 'tool end', 'two', 'text']);
    // Cut off in the first part, so the whole answer is left out once it has ended.
    const cursor = hostA.open('s', { from: 'unread' });
    expect(await cursor.step()).toBe('entry');
    cursor.delivered();
    cursor.leave();
    await write(hostB, 'end', END);
    await write(hostB, 'after');
    expect((await readFrom(hostA, 's', 'unread')).messages).toEqual(['after']);
  });

  it('is over when another host ends it, also for the host that began it', async () => {
    await write(hostA, 'one', START);
    await write(hostA, 'tool end', TOOL_END);
    await write(hostB, 'end', END);
    await write(hostA, 'two', START);
    await write(hostA, 'text');
    expect((await readFrom(hostA, 's', 'stream')).messages).toEqual(['two', 'text']);
    const { ids } = await readFrom(hostB, 's', 'start');
    expect(await hostB.streamState('s', ids[0] as string)).toBe('finished');
    expect(await hostB.streamState('s', ids[3] as string)).toBe('running');
  });

  it('has another in its place when text of another host came after the tool call', async () => {
    await write(hostA, 'one', START);
    await write(hostA, 'tool end', TOOL_END);
    await write(hostB, 'text');
    await write(hostA, 'two', START);
    expect((await readFrom(hostB, 's', 'stream')).messages).toEqual(['two']);
    const all = hostB.open('s', { from: 'start' });
    expect((await readAll(all)).messages).toEqual(['one', 'tool end', 'text', 'two']);
    all.leave();
  });

  it('is told as the memory store tells it, whatever one process logs', async () => {
    const memory = new MemorySessionStore();
    const stores = [memory, hostA];
    const steps = fc.array(fc.constantFrom('endOfLife', ...Object.keys(STEPS)), { maxLength: 10 });
    let session = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(4), steps, async (before, unread, after) => {
        session += 1;
        const id = `s${session}`;
        // An end mark first: whether a start was evicted from the very beginning of a log only memory can tell.
        for (const store of stores) await take(store, id, ['text', 'endOfLife', ...before]);
        for (const store of stores) await readUnread(store, id, unread);
        for (const store of stores) await take(store, id, after);
        expect(await told(hostA, id)).toEqual(await told(memory, id));
      }),
      runs(150),
    );
    await memory.close();
  });
});
