import { from, take, toArray } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';

import { MemorySessionStore, SessionLogs } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { until } from '../support/until.ts';

describe('a reader that rxjs observes', () => {
  const diagnostics = recordDiagnostics();
  const sessions = new SessionLogs({ loggerProvider: () => undefined });
  const write = (message: string): void => void sessions.logChunkToQueue(message, 's');
  const readers = (): number => sessions.stats().readers;

  afterEach(() => {
    sessions.deleteSession('s');
    expect(readers()).toBe(0);
  });

  it('is free as soon as nobody is subscribed, while its session is silent', async () => {
    const seen: string[] = [];
    const subscription = from(sessions.getSessionLogs('s')).subscribe((message) => seen.push(message));
    write('one');
    await until(() => seen.length === 1, 'the first came');
    expect(readers()).toBe(1);
    subscription.unsubscribe();
    expect(readers()).toBe(0);
    write('two');
    await new Promise(setImmediate);
    expect(seen).toEqual(['one']);
  });

  it('is free when nothing was ever logged', () => {
    const subscription = from(sessions.followSession('unknown')).subscribe();
    expect(readers()).toBe(1);
    subscription.unsubscribe();
    expect(readers()).toBe(0);
  });

  it('gives what it reads, in order, and completes with the session', async () => {
    const all = new Promise<string[]>((resolve, reject) => {
      from(sessions.getSessionLogs('s')).pipe(toArray()).subscribe({ next: resolve, error: reject });
    });
    for (const message of ['one', 'two', 'three']) write(message);
    sessions.endSession('s');
    expect(await all).toEqual(['one', 'two', 'three']);
  });

  it('is free when an operator has had enough', async () => {
    const seen: string[] = [];
    from(sessions.getSessionLogs('s'))
      .pipe(take(2))
      .subscribe((message) => seen.push(message));
    for (const message of ['one', 'two', 'three']) write(message);
    await until(() => readers() === 0, 'it is free');
    expect(seen).toEqual(['one', 'two']);
  });

  it('fails with what it was aborted with', async () => {
    const controller = new AbortController();
    const failed = new Promise((resolve) => {
      from(sessions.getSessionLogs('s', { signal: controller.signal })).subscribe({ error: resolve });
    });
    controller.abort(new Error('enough'));
    expect(await failed).toMatchObject({ message: 'enough' });
  });

  it('fails when no reader can be had', async () => {
    const full = new SessionLogs({ store: new MemorySessionStore({ maxReaders: 1 }), loggerProvider: () => undefined });
    const first = from(full.getSessionLogs('s')).subscribe();
    const failed = new Promise((resolve) => from(full.getSessionLogs('s')).subscribe({ error: resolve }));
    expect(await failed).toMatchObject({ code: 'too_many_readers' });
    first.unsubscribe();
    await full.shutdown();
  });

  it('a replay ends with the subscription, during a pause too', async () => {
    void sessions.logChunkToQueue('one', 's', { timestamp: 0 });
    void sessions.logChunkToQueue('two', 's', { timestamp: 3_600_000 });
    const seen: string[] = [];
    const subscription = from(sessions.replaySession('s')).subscribe(({ message }) => seen.push(message));
    await until(() => seen.length === 1, 'the first came');
    subscription.unsubscribe();
    expect([seen, readers()]).toEqual([['one'], 0]);
  });

  it('an observer of another library that throws does not end the process', async () => {
    const throwing = (): never => {
      throw new Error('it throws');
    };
    sessions.getSessionLogs('s')['@@observable']().subscribe({ next: throwing, error: throwing });
    write('one');
    await until(() => diagnostics.lines.some((line) => line.includes('an observer of a reader threw')), 'it is told');
    expect(readers()).toBe(0);
  });
});
