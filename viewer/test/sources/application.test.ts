import { describe, expect, it, onTestFinished } from 'vitest';

import { MemorySessionStore, SessionLogs } from '../../../src/index.ts';
import { until } from '../../../test/support/until.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { ApplicationSource } from '../../src/sources/application.ts';
import type { ViewedSessions } from '../../src/sources/viewed-sessions.ts';

function watched(sessions: ViewedSessions): { readonly model: SessionModel; readonly notes: () => string } {
  const model = new SessionModel();
  const source = new ApplicationSource(model, sessions);
  onTestFinished(() => source.close());
  source.start();
  return { model, notes: () => [...(model.sources[0]?.notes.values() ?? [])].join('; ') };
}

describe('the sessions of the application', () => {
  it('show each of their ends, also when a life lasts less than a second', async () => {
    const sessions = new SessionLogs();
    onTestFinished(() => sessions.shutdown());
    const { model } = watched(sessions);
    const ends = (): number => model.find('abc')?.blocks.filter(({ type }) => type === 'end').length ?? 0;
    for (let life = 1; life <= 3; life += 1) {
      await sessions.logChunkToQueue('Hello', 'abc');
      sessions.endSession('abc');
      await until(() => ends() === life);
    }
  });

  it('are read on, each entry once, when the store has room for another reader again', async () => {
    const sessions = new SessionLogs({ store: new MemorySessionStore({ maxReaders: 1 }) });
    onTestFinished(() => sessions.shutdown());
    await sessions.logChunkToQueue('one', 'abc');
    const other = sessions.followAll();
    void other.next();
    const { model, notes } = watched(sessions);
    await until(() => notes().includes('the sessions cannot be read'));
    await other.return();
    await until(() => model.entries === 1);
    expect(notes()).toBe('');
  });

  it('are read on after the last entry when reading has failed', async () => {
    const sessions = new SessionLogs();
    onTestFinished(() => sessions.shutdown());
    let isBroken = true;
    const failing = new Proxy(sessions, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== 'followAll' || !isBroken) return typeof value === 'function' ? value.bind(target) : value;
        return async function* (options: Parameters<SessionLogs['followAll']>[0]) {
          for await (const entry of target.followAll(options)) {
            yield entry;
            isBroken = false;
            throw new Error('the connection broke');
          }
        };
      },
    });
    const { model, notes } = watched(failing);
    await sessions.logChunkToQueue('one', 'abc');
    await sessions.logChunkToQueue('two', 'abc');
    await until(() => model.entries === 2);
    expect(model.find('abc')?.entries.map(({ text }) => text)).toEqual(['one', 'two']);
    expect(notes()).toBe('');
  });

  it('say what the collector has once that can be asked again', async () => {
    const sessions = new SessionLogs();
    onTestFinished(() => sessions.shutdown());
    let asked = 0;
    const failing = new Proxy(sessions, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== 'flushSession') return typeof value === 'function' ? value.bind(target) : value;
        return () => {
          if ((asked += 1) === 1) return Promise.reject(new Error('no connection'));
          return Promise.resolve({ deliveredId: '~', pending: 0 });
        };
      },
    });
    const { model, notes } = watched(failing);
    await sessions.logChunkToQueue('one', 'abc');
    await until(() => notes().includes('it is not known what the collector has: no connection'));
    await until(() => model.find('abc')?.delivered?.seq === 1);
    expect(notes()).toBe('');
  });
});
