import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bodyToText, toJsonValue } from '../../src/entry/body.ts';
import { runs } from '../support/properties.ts';

describe('a body as text', () => {
  it('a string is itself, none is empty, anything else JSON', () => {
    expect(bodyToText('a "b"\n')).toBe('a "b"\n');
    expect(bodyToText('x'.repeat(1_000_000))).toHaveLength(1_000_000);
    expect(bodyToText(undefined)).toBe('');
    expect(bodyToText(null)).toBe('');
    expect(bodyToText({ a: [1, true, null, 'x'] })).toBe('{"a":[1,true,null,"x"]}');
    expect(bodyToText(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"');
  });

  it('equals JSON.stringify where that can say it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        if (value === null || typeof value === 'string') return;
        expect(JSON.parse(bodyToText(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      runs(100),
    );
  });

  it('names what JSON cannot hold', () => {
    expect(bodyToText({ n: 1n, f: () => 1, s: Symbol('x'), u: undefined, nan: Number.NaN })).toBe(
      '{"n":"1","f":"[Function]","s":"[Symbol]","nan":"NaN"}',
    );
    expect(bodyToText(new Uint8Array([1, 2, 3]))).toBe('"AQID"');
    expect(bodyToText(new Map([['a', 1]]))).toBe('[["a",1]]');
    const error = new TypeError('no');
    expect(JSON.parse(bodyToText(error))).toEqual({ name: 'TypeError', message: 'no', stack: error.stack });
  });

  it('never throws: circles, getters, toJSON, proxies and endless objects', () => {
    const circle: Record<string, unknown> = { a: 1 };
    circle['self'] = circle;
    expect(bodyToText(circle)).toBe('{"a":1,"self":"[Circular]"}');
    const boom = (): never => {
      throw new Error('boom');
    };
    expect(
      bodyToText({
        get a() {
          return boom();
        },
        b: 2,
      }),
    ).toBe('{"a":"[Unreadable]","b":2}');
    expect(bodyToText({ a: { toJSON: boom }, b: 2 })).toBe('{"a":"[Unreadable]","b":2}');
    const hostile = new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom });
    expect(bodyToText([hostile])).toBe('["[Unreadable]"]');
    let deep: unknown = 1;
    for (let n = 0; n < 100_000; n += 1) deep = [deep];
    expect(bodyToText(deep)).toContain('[Truncated]');
    let wide: unknown = 'x'.repeat(1_000);
    for (let n = 0; n < 30; n += 1) wide = [wide, wide];
    expect(bodyToText(wide).length).toBeLessThan(64 * 1024 * 1024);
  });

  it('the same object twice side by side is no circle', () => {
    const shared = { a: 1 };
    expect(bodyToText([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });
});

describe('a frozen JSON copy', () => {
  it('is frozen deeply, independent of the original, and keeps a `__proto__` key as data', () => {
    const original = JSON.parse('{"__proto__":{"x":1},"list":[{"y":2}]}') as Record<string, unknown>;
    const copy = toJsonValue(original) as { list: { y: number }[] };
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"x":1},"list":[{"y":2}]}');
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect([copy, copy.list, copy.list[0]].every((part) => Object.isFrozen(part))).toBe(true);
    (original['list'] as unknown[]).push(1);
    expect(copy.list).toHaveLength(1);
  });
});
