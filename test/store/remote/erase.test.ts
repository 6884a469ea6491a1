import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import { RemoteRefusal, RemoteSessionStore } from '../../../src/remote.ts';
import type { RemoteErasure } from '../../../src/remote.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';

/** A log whose server is away or refuses. */
class AwayLog extends MemoryLog {
  failures = 0;
  error: unknown = new Error('away');

  override async erase(session: string, erasure: RemoteErasure): Promise<number> {
    this.failures -= 1;
    if (this.failures >= 0) throw this.error;
    return super.erase(session, erasure);
  }
}

describe('erasing a session in a remote log', () => {
  let server: MemoryServer;
  let log: AwayLog;
  let store: RemoteSessionStore;
  beforeEach(() => {
    server = new MemoryServer();
    log = new AwayLog(server);
    store = new RemoteSessionStore({ log });
  });
  afterEach(() => store.close());

  it('counts what is stored and what waited, and leaves nothing', async () => {
    store.append('s', 'stored', 0, undefined);
    await store.flush();
    store.append('s', 'waits', 0, undefined);
    store.append('t', 'stays', 0, undefined);
    await expect(store.erase('s')).resolves.toEqual({ entries: 2, remains: [] });
    expect(server.find('s')).toBeUndefined();
    await store.flush();
    expect(server.fields('t', 'd')).toHaveLength(1);
    expect(store.sessionIds()).toEqual(['t']);
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('begins a new session with what is logged afterwards, which readers miss nothing of', async () => {
    for (let n = 0; n < 5; n += 1) store.append('s', `before ${n}`, 0, undefined);
    await store.erase('s');
    store.append('s', 'after', 0, undefined);
    const reader = new SessionLogs({ store }).followSession('s', { until: 'caught-up' });
    const messages: string[] = [];
    for await (const { message } of reader) messages.push(message);
    expect(messages).toEqual(['after']);
    expect(reader.missed).toBe(0);
  });

  it('is tried again while the server does not answer', async () => {
    store.append('s', 'secret', 0, undefined);
    await store.flush();
    log.failures = 2;
    await expect(store.erase('s')).resolves.toMatchObject({ entries: 1 });
  });

  it('is refused with what the server says', async () => {
    store.append('s', 'secret', 0, undefined);
    await store.flush();
    log.failures = 1;
    log.error = new RemoteRefusal('NOPERM', { isFinal: true, cause: new Error('no right to zrange') });
    await expect(store.erase('s')).rejects.toMatchObject({
      code: 'erasure_incomplete',
      message: expect.stringContaining('no right to zrange') as string,
    });
    await expect(store.erase('s')).resolves.toMatchObject({ entries: 1 });
  });

  it('cannot be done by an adapter without `erase`, which is said', async () => {
    Object.defineProperty(log, 'erase', { value: undefined });
    store.append('s', 'secret', 0, undefined);
    await expect(new SessionLogs({ store }).eraseSession('s')).rejects.toMatchObject({ code: 'erasure_incomplete' });
  });
});
