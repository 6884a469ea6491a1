import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, describe, expect, it } from 'vitest';

import type { LogRecord } from '../../src/otel/log-record.ts';
import { contextWithSession, sessionIdOf, withSession } from '../../src/route/session-context.ts';
import { SessionResolver } from '../../src/route/session-resolver.ts';
import type { SessionResolution } from '../../src/route/session-resolver.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';

function record(attributes: Record<string, unknown> = {}): LogRecord {
  return { attributes } as unknown as LogRecord;
}

function resolve(
  options: SessionResolution,
  attributes?: Record<string, unknown>,
  ctx: Context = ROOT_CONTEXT,
): unknown {
  return new SessionResolver(options).resolve(record(attributes), ctx);
}

describe('withSession', () => {
  it('sets the session over awaits, timers and callbacks of its function only', async () => {
    expect(sessionIdOf()).toBeUndefined();
    const seen = await withSession('a', async () => {
      await sleep(1);
      return new Promise((done) => setTimeout(() => queueMicrotask(() => done(sessionIdOf())), 1));
    });
    expect(seen).toBe('a');
    expect(sessionIdOf()).toBeUndefined();
  });

  it('nests, and the inner one wins until it is over', () => {
    const seen = withSession('outer', () => [sessionIdOf(), withSession('inner', () => sessionIdOf()), sessionIdOf()]);
    expect(seen).toEqual(['outer', 'inner', 'outer']);
  });

  it('passes on what its function throws, sync and async', async () => {
    expect(() =>
      withSession('a', () => {
        throw new Error('sync');
      }),
    ).toThrow('sync');
    await expect(
      withSession('a', async () => {
        throw new Error('async');
      }),
    ).rejects.toThrow('async');
    expect(sessionIdOf()).toBeUndefined();
  });

  it.each([
    ['', '""'],
    ['x'.repeat(257), '257 characters long'],
    [undefined, 'undefined'],
    [7, '7 (number)'],
  ])('refuses %j as a session id and shows it', (id, shown) => {
    let called = false;
    expect(() =>
      withSession(id as string, () => {
        called = true;
      }),
    ).toThrow(TypeError);
    expect(() => withSession(id as string, () => {})).toThrow(shown);
    expect(called).toBe(false);
  });

  it('keeps the session on next(), return() and throw() of an async generator, whoever calls them', async () => {
    const seen: (string | undefined)[] = [];
    async function* source(): AsyncGenerator<number> {
      try {
        seen.push(sessionIdOf());
        yield 1;
        seen.push(sessionIdOf());
        yield 2;
      } finally {
        await sleep(1);
        seen.push(sessionIdOf());
      }
    }
    const kept = withSession('a', source);
    await withSession('b', async () => {
      for await (const item of kept) if (item === 2) break;
    });
    expect(seen).toEqual(['a', 'a', 'a']);

    const other = withSession('a', source);
    await other.next();
    await expect(other.throw(new Error('stop'))).rejects.toThrow('stop');
    expect(seen.slice(3)).toEqual(['a', 'a']);
  });

  it('keeps the session over an async iterable that a promise resolves to', async () => {
    const seen: unknown[] = [];
    const stream = await withSession('a', async () => {
      await sleep(1);
      return {
        async *[Symbol.asyncIterator](): AsyncGenerator<number> {
          await sleep(1);
          seen.push(sessionIdOf());
          yield 1;
        },
      };
    });
    for await (const item of stream) seen.push(item);
    expect(seen).toEqual(['a', 1]);
  });

  it('lets an inner session win over the iteration of an outer one', async () => {
    const seen: unknown[] = [];
    async function* source(): AsyncGenerator<number> {
      seen.push(sessionIdOf());
      yield 1;
    }
    for await (const item of withSession('outer', () => withSession('inner', source))) seen.push(item);
    expect(seen).toEqual(['inner', 1]);
  });

  it('leaves an iterable its own methods, private fields, class and frozen shape', async () => {
    class Source {
      readonly #items = [1, 2];
      tee(): number {
        return this.#items.length;
      }
      async *[Symbol.asyncIterator](): AsyncGenerator<number> {
        yield* this.#items;
      }
    }
    const source = withSession('a', () => Object.freeze(new Source()));
    expect(source).toBeInstanceOf(Source);
    expect(source.tee()).toBe(2);
    const items: number[] = [];
    for await (const item of source) items.push(item);
    expect(items).toEqual([1, 2]);
  });

  it('passes web streams and promises with methods of their own on as they are', () => {
    const stream = new ReadableStream();
    expect(withSession('a', () => stream)).toBe(stream);
    class Special extends Promise<number> {
      extra(): string {
        return 'kept';
      }
    }
    expect(withSession('a', () => Special.resolve(1) as Special).extra()).toBe('kept');
  });

  it("does not carry the session to listeners of somebody else's events", () => {
    const bus = new EventEmitter();
    let seen: unknown = 'not called';
    withSession('a', () =>
      bus.on('event', () => {
        seen = sessionIdOf();
      }),
    );
    withSession('b', () => bus.emit('event'));
    expect(seen).toBe('b');
  });
});

describe('withSession and the OpenTelemetry context', () => {
  afterEach(() => context.disable());

  it('is in the active context when there is a context manager', () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    withSession('a', () => {
      expect(sessionIdOf(context.active())).toBe('a');
      expect(resolve({}, {}, context.active())).toBe('a');
    });
    expect(sessionIdOf(context.active())).toBeUndefined();
  });

  it('gives way to an explicit context', () => {
    const explicit = contextWithSession(ROOT_CONTEXT, 'explicit');
    withSession('a', () => {
      expect(resolve({}, {}, explicit)).toBe('explicit');
      expect(sessionIdOf(explicit)).toBe('explicit');
      expect(sessionIdOf(ROOT_CONTEXT)).toBe('a');
    });
  });
});

describe('SessionResolver', () => {
  const diagnostics = recordDiagnostics();

  it('asks attribute, context, running code, baggage and callback, in this order', () => {
    const options: SessionResolution = { baggage: { trust: () => true }, sessionId: () => 'callback' };
    const withBaggage = propagation.setBaggage(
      ROOT_CONTEXT,
      propagation.createBaggage({ 'session.id': { value: 'baggage' } }),
    );
    const full = contextWithSession(withBaggage, 'context');
    withSession('running', () => {
      expect(resolve(options, { 'session.id': 'attribute', 'gen_ai.conversation.id': 'second' }, full)).toBe(
        'attribute',
      );
      expect(resolve(options, { 'gen_ai.conversation.id': 'second' }, full)).toBe('second');
      expect(resolve(options, {}, full)).toBe('context');
      expect(resolve(options, {}, withBaggage)).toBe('running');
    });
    expect(resolve(options, {}, withBaggage)).toBe('baggage');
    expect(resolve(options, {}, ROOT_CONTEXT)).toBe('callback');
    expect(resolve({}, {}, ROOT_CONTEXT)).toBeUndefined();
  });

  it('gives an invalid id to the caller instead of looking further', () => {
    withSession('running', () => {
      expect(resolve({}, { 'session.id': '' })).toBe('');
      expect(resolve({}, { 'session.id': 42 })).toBe(42);
    });
  });

  it('takes null and undefined as not set', () => {
    withSession('running', () => {
      expect(resolve({}, { 'session.id': null, 'gen_ai.conversation.id': undefined })).toBe('running');
      expect(resolve({ sessionIdKeys: ['thread'] }, { thread: null })).toBe('running');
    });
  });

  it('reads own keys in their order, names of Object.prototype included', () => {
    const options = { sessionIdKeys: ['thread.id', 'constructor', '__proto__'] };
    expect(resolve(options, {})).toBeUndefined();
    expect(resolve(options, { 'session.id': 'x' })).toBeUndefined();
    expect(resolve(options, { constructor: 'c', 'thread.id': 't' })).toBe('t');
    expect(resolve(options, { constructor: 'c' })).toBe('c');
  });

  it('does not believe an attribute named __proto__', () => {
    const attributes: Record<string, unknown> = {};
    // What the SDK does with every attribute it gets.
    for (const [key, value] of Object.entries(
      JSON.parse('{"__proto__":{"session.id":"forged","gen_ai.conversation.id":"forged"}}') as object,
    )) {
      attributes[key] = value;
    }
    expect(attributes['session.id']).toBe('forged');
    expect(resolve({}, attributes)).toBeUndefined();
  });

  it('believes baggage only when the predicate answers true, and never by default', () => {
    const carried = propagation.setBaggage(
      ROOT_CONTEXT,
      propagation.createBaggage({ 'gen_ai.conversation.id': { value: 'carried' } }),
    );
    expect(resolve({}, {}, carried)).toBeUndefined();
    expect(resolve({ baggage: { trust: (id) => id === 'carried' } }, {}, carried)).toBe('carried');
    expect(resolve({ baggage: { trust: () => false } }, {}, carried)).toBeUndefined();
    const later = { trust: async (): Promise<boolean> => true };
    expect(resolve({ baggage: later as never }, {}, carried)).toBeUndefined();
  });

  it('reports a callback or predicate that throws once, and the record has no session', () => {
    const carried = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ 'session.id': { value: 'x' } }));
    const fail = (): never => {
      throw new Error('mine');
    };
    const resolver = new SessionResolver({ sessionId: fail, baggage: { trust: fail } });
    for (let i = 0; i < 3; i += 1) expect(resolver.resolve(record(), carried)).toBeUndefined();
    expect(diagnostics.lines.filter((line) => line.includes('callback threw'))).toHaveLength(1);
    expect(diagnostics.lines.filter((line) => line.includes('predicate threw'))).toHaveLength(1);
  });

  it('routes 2,000 concurrent sessions with awaits between, without a context manager', async () => {
    const resolver = new SessionResolver();
    let misrouted = 0;
    await Promise.all(
      Array.from({ length: 2000 }, (_, i) =>
        withSession(`s${i}`, async () => {
          for (let n = 0; n < 3; n += 1) {
            await (n % 2 === 0 ? sleep(i % 5) : undefined);
            if (resolver.resolve(record(), ROOT_CONTEXT) !== `s${i}`) misrouted += 1;
          }
        }),
      ),
    );
    expect(misrouted).toBe(0);
  });
});
