import { createHmac } from 'node:crypto';

import { assert, constantFrom, property, string } from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { signSessionLink, verifySessionLink } from '../../src/serve/session-link.ts';
import { randomNumbers } from '../support/properties.ts';

const secret = 'a secret that is long enough: 0123456789';
const other = 'another secret of enough characters, too';

afterEach(() => void vi.useRealTimers());

describe('signed links', () => {
  it('say what was signed, for any session id and scope', () => {
    assert(
      property(
        string({ unit: 'binary', minLength: 1, maxLength: 256 }).filter((id) => id.length <= 256),
        constantFrom('chat' as const, 'all' as const),
        (sessionId, scope) => {
          const token = signSessionLink(sessionId, { secret, expiresInSeconds: 60, scope });
          expect(token).toMatch(/^[\w.-]+$/);
          const link = verifySessionLink(token, { secret });
          // A lone surrogate is no character of UTF-8.
          expect(link?.sessionId).toBe(JSON.parse(Buffer.from(JSON.stringify(sessionId)).toString()));
          expect(link?.scope).toBe(scope);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('let read chat text alone unless they say more, and end when they say', () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const token = signSessionLink('s', { secret, expiresInSeconds: 1.5 });
    expect(verifySessionLink(token, { secret })).toEqual({ sessionId: 's', scope: 'chat', expiresAt: 1_001_500 });
    vi.setSystemTime(1_001_499);
    expect(verifySessionLink(token, { secret })).toBeDefined();
    vi.setSystemTime(1_001_500);
    expect(verifySessionLink(token, { secret })).toBeUndefined();
  });

  it('are valid by any of several secrets, so that one can take the place of another', () => {
    const token = signSessionLink('s', { secret: other, expiresInSeconds: 60 });
    expect(verifySessionLink(token, { secret: [secret, other] })).toBeDefined();
    expect(verifySessionLink(token, { secret: [other, secret] })).toBeDefined();
    expect(verifySessionLink(token, { secret })).toBeUndefined();
    expect(verifySessionLink(token, { secret: [secret] })).toBeUndefined();
  });

  it('are refused in any other spelling: 10,000 that were changed in one to three places', () => {
    const random = randomNumbers();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n';
    const pick = (count: number): number => Math.floor(random() * count);
    let accepted = 0;
    for (let n = 0; n < 10_000; n += 1) {
      const token = signSessionLink(`session-${n % 7}`, { secret, expiresInSeconds: 60 });
      let changed = token;
      for (let change = pick(3); change >= 0; change -= 1) {
        const at = pick(changed.length + 1);
        const letter = alphabet[pick(alphabet.length)] as string;
        const way = pick(3);
        changed = changed.slice(0, at) + (way === 1 ? '' : letter) + changed.slice(way === 0 ? at : at + 1);
      }
      if (changed !== token && verifySessionLink(changed, { secret }) !== undefined) accepted += 1;
    }
    expect(accepted).toBe(0);
  });

  it('are refused when the last letter of the signature decodes to the same bytes', () => {
    const token = signSessionLink('s', { secret, expiresInSeconds: 60 });
    const signature = token.split('.')[2] as string;
    const spellings = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      .split('')
      .map((letter) => signature.slice(0, -1) + letter)
      .filter((each) => Buffer.from(each, 'base64url').equals(Buffer.from(signature, 'base64url')));
    expect(spellings.length).toBeGreaterThan(1);
    const valid = spellings.filter((each) => verifySessionLink(token.replace(signature, each), { secret }));
    expect(valid).toEqual([signature]);
  });

  it.each([
    ['no string', 17],
    ['nothing', undefined],
    ['empty', ''],
    ['dots', '..'],
    ['too long', `v1.${'a'.repeat(10_000)}.b`],
  ])('are refused, not thrown at: %s', (_, token) => {
    expect(verifySessionLink(token, { secret })).toBeUndefined();
  });

  it('are refused when they are signed for another purpose, or say what no link says', () => {
    const payload = Buffer.from(JSON.stringify(['s', 'chat', Date.now() + 60_000])).toString('base64url');
    const plain = createHmac('sha256', secret).update(`v1.${payload}`).digest('base64url');
    expect(verifySessionLink(`v1.${payload}.${plain}`, { secret })).toBeUndefined();
    for (const value of [['s', 'chat'], ['', 'chat', 9e15], ['s', 'log', 9e15], { 0: 's' }, null]) {
      const strange = Buffer.from(JSON.stringify(value)).toString('base64url');
      const signed = createHmac('sha256', secret).update(`otel-session-logs/link\nv1.${strange}`).digest('base64url');
      expect(verifySessionLink(`v1.${strange}.${signed}`, { secret })).toBeUndefined();
    }
  });

  it('ask what was revoked, and let through nothing but a clear no', async () => {
    const token = signSessionLink('s', { secret, expiresInSeconds: 60 });
    const asked: unknown[] = [];
    const answer = (given: unknown) => async (link: unknown, text: string) => {
      asked.push([link, text]);
      return given as boolean;
    };
    expect(await verifySessionLink(token, { secret, isRevoked: answer(false) })).toMatchObject({ sessionId: 's' });
    expect(await verifySessionLink(token, { secret, isRevoked: answer(true) })).toBeUndefined();
    expect(await verifySessionLink(token, { secret, isRevoked: answer(undefined) })).toBeUndefined();
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual([expect.objectContaining({ scope: 'chat' }), token]);
    expect(await verifySessionLink('v1.a.b', { secret, isRevoked: answer(false) })).toBeUndefined();
    expect(asked).toHaveLength(3);
    const away = () => Promise.reject(new Error('away'));
    await expect(verifySessionLink(token, { secret, isRevoked: away })).rejects.toThrow('away');
  });

  it('name the option that is wrong, and never the secret', () => {
    const sign = (options: object): unknown => signSessionLink('s', options as never);
    expect(() => sign({ secret: 'short-secret', expiresInSeconds: 1 })).toThrow(
      'signSessionLink: expected `secret` to be a string of at least 32 characters, got one of 12',
    );
    expect(() => sign({ secret: 17, expiresInSeconds: 1 })).toThrow('got a value of type number');
    expect(() => sign({ secret })).toThrow(
      'expected `expiresInSeconds` to be a number of seconds above 0, got undefined',
    );
    for (const expiresInSeconds of [0, -1, Number.NaN, Infinity, '60', 60n, Symbol('60')]) {
      expect(() => sign({ secret, expiresInSeconds })).toThrow('`expiresInSeconds`');
    }
    expect(() => sign({ secret, expiresInSeconds: 1, scope: 'log' })).toThrow(
      "`scope` to be 'chat' or 'all', got \"log\" (string)",
    );
    expect(() => signSessionLink('', { secret, expiresInSeconds: 1 })).toThrow('session id');
    expect(() => sign(undefined as never)).toThrow('options object');
    const verify = (options: object): unknown => verifySessionLink('t', options as never);
    expect(() => verify({ secret: [] })).toThrow('at least one secret');
    expect(() => verify({ secret: [secret, 'short-secret'] })).toThrow(/got one of 12$/);
    expect(() => verify({ secret, isRevoked: true })).toThrow('`isRevoked` to be a function, got true');
  });
});
