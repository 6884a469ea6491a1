import { describe, expect, it, onTestFinished } from 'vitest';

import { MemorySessionStore } from '../../src/index.ts';
import type { Diagnosis, SessionLogs } from '../../src/index.ts';
import { RemoteSessionStore } from '../../src/remote.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { FaultyLog, NO_FAULTS } from '../support/faulty-log.ts';
import { MemoryLog, MemoryServer } from '../support/memory-log.ts';
import { until } from '../support/until.ts';
import { codesOf, foundOf, instanceOf } from './diagnosing.ts';

recordDiagnostics();

/** A store on a server in memory, which fails as the test says. */
function remote(random: () => number = Math.random): { log: FaultyLog; sessions: SessionLogs; server: MemoryServer } {
  const server = new MemoryServer();
  const log = new FaultyLog(new MemoryLog(server), random);
  const sessions = instanceOf({ store: new RemoteSessionStore({ log }) });
  onTestFinished(() => sessions.shutdown({ timeoutMillis: 100 }).catch(() => {}));
  return { log, sessions, server };
}

const storeIn = ({ checked }: Diagnosis): readonly string[] => checked.filter((line) => line.includes('answers'));

describe('a store in this process', () => {
  it('answers', async () => {
    const diagnosis = await instanceOf({ store: new MemorySessionStore() }).diagnose();
    expect(storeIn(diagnosis)).toEqual(['MemorySessionStore answers, in this process']);
    expect(foundOf(diagnosis, 'store_unreachable')).toEqual([]);
  });

  it('of a class of the application is told by its name', async () => {
    class OwnStore extends MemorySessionStore {}
    const diagnosis = await instanceOf({ store: new OwnStore() }).diagnose();
    expect(storeIn(diagnosis)).toEqual(['OwnStore answers, in this process']);
  });
});

describe('a store on a server', () => {
  it('answers, and is asked for a session that it has not afterwards either', async () => {
    const { sessions, server } = remote();
    await sessions.logChunkToQueue('one', 's');
    await sessions.forceFlush();
    const diagnosis = await sessions.diagnose();
    expect(storeIn(diagnosis)).toEqual(['RemoteSessionStore answers; nothing waits to be stored']);
    expect(codesOf(diagnosis)).toEqual(['no_exporter']);
    expect([server.find('s'), server.find('session_logs.diagnose')]).toEqual([expect.anything(), undefined]);
  });

  it('that is full for the moment answers; how much waits is told', async () => {
    const { log, sessions } = remote(() => 0);
    log.faults = { ...NO_FAULTS, full: 1 };
    await sessions.logChunkToQueue('one', 's');
    await sessions.logChunkToQueue('two', 's');
    const diagnosis = await sessions.diagnose();
    expect(storeIn(diagnosis).join()).toMatch(
      /^RemoteSessionStore answers; 2 entries \(\d+ bytes\) wait to be stored$/,
    );
  });

  it('that answers reads, while entries do not get through, is found', async () => {
    class WriteCut extends MemoryLog {
      override append(): Promise<void> {
        return Promise.reject(new Error('the replica cannot be reached'));
      }
    }
    const store = new RemoteSessionStore({ log: new WriteCut(new MemoryServer()) });
    const sessions = instanceOf({ store });
    onTestFinished(() => sessions.shutdown({ timeoutMillis: 100 }).catch(() => {}));
    await sessions.logChunkToQueue('one', 's');
    await until(() => store.failure !== undefined, 'the write failed');
    expect(foundOf(await sessions.diagnose(), 'store_unreachable')[0]?.problem).toMatch(
      /^RemoteSessionStore cannot be reached: the replica cannot be reached; 1 entries /,
    );
  });

  it('that is down, and comes back', async () => {
    const { log, sessions } = remote();
    log.isDown = true;
    await sessions.logChunkToQueue('one', 's');
    const [found] = foundOf(await sessions.diagnose(), 'store_unreachable');
    expect(found?.problem).toMatch(
      /^RemoteSessionStore cannot be reached: .*cut.*; 1 entries \(\d+ bytes\) wait to be stored, and readers wait$/,
    );
    expect(found?.fix).toBe(
      'start the server that the store connects to, or correct its address, user and permissions',
    );
    log.comeBack(false);
    await sessions.forceFlush();
    const diagnosis = await sessions.diagnose();
    expect(storeIn(diagnosis)).toEqual(['RemoteSessionStore answers; nothing waits to be stored']);
    expect(foundOf(diagnosis, 'store_unreachable')).toEqual([]);
  });
});
