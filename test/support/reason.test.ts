import { describe, expect, it } from 'vitest';

import { reasonOf } from '../../src/support/reason.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });

describe('reasonOf', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('no'), 'no'],
    ['one with a code', Object.assign(new Error('Bad Gateway'), { code: 502 }), 'Bad Gateway (502)'],
    ['causes', new Error('failed', { cause: new Error('retried', { cause: refused }) }), refused.message],
    ['several addresses', new Error('failed', { cause: new AggregateError([refused], '') }), refused.message],
    ['nothing but a code', Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
    ['no error', 'away', 'away'],
    ['nothing', undefined, 'an error without a message'],
    [
      'an address',
      new Error('no answer of https://user:secret@host/v1?key=secret now'),
      'no answer of https://host/v1 now',
    ],
  ])('%s', (_what, error, expected) => {
    expect(reasonOf(error)).toBe(expected);
  });

  it('takes a circle of causes, and getters that throw', () => {
    const one = new Error('one');
    one.cause = new Error('two', { cause: one });
    expect(['one', 'two']).toContain(reasonOf(one));
    const hostile = new Error('hostile');
    for (const name of ['cause', 'code', 'errors'] as const) {
      Object.defineProperty(hostile, name, {
        get: () => {
          throw new Error('broken');
        },
      });
    }
    expect(reasonOf(hostile)).toBe('hostile');
    expect(reasonOf(new Error('x'.repeat(10_000)))).toHaveLength(300);
  });
});
