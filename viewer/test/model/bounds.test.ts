import { describe, expect, it } from 'vitest';

import { logData, NO_ORIGIN } from '../../src/model/log-data.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { SessionScript } from '../support/records.ts';

function fill(model: SessionModel, id: string, count: number): void {
  const script = new SessionScript(model, id, { source: model.sources[0] ?? model.addSource('test', 'otlp') });
  for (let at = 0; at < count; at += 1) script.log(`${id} ${at}`);
}

describe('what the model holds', () => {
  it('has equal origins once, and counts what an origin takes', () => {
    const model = new SessionModel();
    const source = model.addSource('test', 'otlp');
    const add = (size: number): void => {
      const resource = { 'service.name': 'app', env: 'x'.repeat(size) };
      model.add(logData({ body: 'x', origin: { ...NO_ORIGIN, resource } }), { source });
    };
    for (let at = 0; at < 3; at += 1) add(1_000);
    const [first, ...others] = model.find('app', 'service')?.entries ?? [];
    expect(others.map(({ data }) => data.origin === first?.data.origin)).toEqual([true, true]);
    expect(others.map(({ bytes }) => (first?.bytes ?? 0) - bytes > 2_000)).toEqual([true, true]);
    // Too long to be compared: each is counted.
    for (let at = 0; at < 3; at += 1) add(100_000);
    expect(model.find('app', 'service')?.bytes).toBeGreaterThan(600_000);
  });

  it('drops the sessions that were active longest ago, and counts them', () => {
    let now = 0;
    const model = new SessionModel({ maxEntries: 100, now: () => (now += 1) });
    for (let at = 0; at < 30; at += 1) fill(model, `session-${at}`, 10);
    expect(model.entries).toBeLessThanOrEqual(100);
    expect(model.sessions.has('s:session-0')).toBe(false);
    expect(model.sessions.has('s:session-29')).toBe(true);
    expect(model.evicted.entries).toBe(300 - model.entries);
    expect(model.evicted.sessions).toBe(30 - model.sessions.size);
    expect(model.evicted.bound).toBe('entries');
    expect(model.inOrder.map(({ name }) => name)).toEqual([...model.sessions.values()].map(({ name }) => name));
  });

  it('drops the oldest blocks of a session that is too long by itself, but never the newest', () => {
    const model = new SessionModel({ maxEntries: 100 });
    fill(model, 'long', 1_000);
    const session = model.find('long');
    expect(model.entries).toBe(session?.entries.length);
    expect(model.entries).toBeLessThanOrEqual(100);
    expect(session?.trimmed).toBe(1_000 - model.entries);
    expect(session?.entries.at(-1)?.text).toBe('long 999');
    expect(session?.blocks[0]?.entries[0]).toBe(session?.entries[0]);
  });

  it('drops the oldest chunks of an endless answer', () => {
    const model = new SessionModel({ maxEntries: 100 });
    const script = new SessionScript(model, 'endless').mark('stream_start');
    for (let at = 0; at < 1_000; at += 1) script.chunk(`${at} `);
    const session = model.find('endless');
    expect(session?.blocks.length).toBe(1);
    expect(session?.entries.length).toBeLessThanOrEqual(100);
    expect(session?.blocks[0]?.entries.length).toBe(session?.entries.length);
    expect(session?.entries.at(-1)?.text).toBe('999 ');
  });

  it('lets the oldest chunks of an answer go that stands between a gap and a log', () => {
    const model = new SessionModel({ maxEntries: 100 });
    const script = new SessionScript(model, 'endless').mark('stream_start');
    for (let at = 0; at < 50; at += 1) script.chunk(`${at} `);
    const session = model.find('endless');
    session?.addGap(1, 'evicted', script.millis);
    script.chunk('goes on ').log('looked up');
    for (let at = 0; at < 1_000; at += 1) script.chunk(`${at} `);
    expect(session?.blocks.map(({ type, isOpen }) => [type, isOpen])).toEqual([['answer', true]]);
    expect(session?.entries.length).toBe(model.entries);
    expect(model.entries).toBeGreaterThan(80);
    expect(model.entries).toBeLessThanOrEqual(100);
    expect(session?.blocks[0]?.entries).toEqual(session?.entries);
    expect(session?.openAnswers).toBe(1);
    script.mark('stream_end');
    expect(session?.openAnswers).toBe(0);
  });

  it('is bounded in bytes and in sessions too', () => {
    const bytes = new SessionModel({ maxBytes: 100_000 });
    for (let at = 0; at < 50; at += 1) new SessionScript(bytes, `s${at}`).log('x'.repeat(5_000));
    expect(bytes.sessions.size).toBeLessThan(12);
    const many = new SessionModel({ maxSessions: 100 });
    for (let at = 0; at < 1_000; at += 1) new SessionScript(many, `s${at}`).log('x');
    expect([bytes.evicted.bound, many.evicted.bound]).toEqual(['bytes', 'sessions']);
    expect(many.sessions.size).toBeLessThanOrEqual(100);
    expect(many.entries).toBe(many.sessions.size);
  });

  it('counts an answer as open until it ends, another one takes its place, or the bound takes it', () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'abc').mark('stream_start').chunk('a').mark('stream_start').chunk('b');
    const session = model.find('abc');
    expect(session?.openAnswers).toBe(1);
    script.log('c');
    session?.trim(4);
    expect([session?.openAnswers, session?.blocks.map(({ type }) => type)]).toEqual([0, ['log']]);
    script.chunk('d').mark('stream_end').mark('stream_start').mark('stream_end');
    expect(session?.openAnswers).toBe(0);
    session?.end(0);
    script.mark('stream_start');
    expect(session?.openAnswers).toBe(1);
  });

  it('finds the session of a record by the first attribute that names one', () => {
    const model = new SessionModel({ sessionAttributes: ['user.id', 'session.id'] });
    const script = new SessionScript(model, 'abc');
    script.add({ body: 'a' }, { 'user.id': 7 }).add({ body: 'b' });
    expect([...model.sessions.keys()]).toEqual(['s:7', 's:abc']);
  });

  it('gives records that name no session to their service', () => {
    const model = new SessionModel();
    const source = model.addSource('test', 'otlp');
    const origin = { ...NO_ORIGIN, resource: { 'service.name': 'shop' } };
    model.add(logData({ body: 'a', origin }), { source });
    model.add(logData({ body: 'b' }), { source });
    expect([...model.sessions.keys()]).toEqual(['v:shop', 'v:unknown service']);
  });
});
