import { expect, it } from 'vitest';

import { Seen } from '../../page/src/seen.ts';

function asked(seen: Seen, ...keys: string[]): string {
  const query = new URLSearchParams();
  seen.resume(query, keys);
  return query.toString();
}

it('asks for everything after the last id, and from the start for sessions that it has nothing of', () => {
  const seen = new Seen();
  seen.forget(['a']);
  expect(asked(seen, 'a')).toBe('follow=a&anew=a');
  seen.took('a', true);
  seen.reached('x-7');
  expect(asked(seen, 'a')).toBe('follow=a&after=x-7');
  seen.forget(['b']);
  expect(asked(seen, 'a', 'b')).toBe('follow=a&follow=b&anew=b&after=x-7');
});

it('asks from the start for a session that came in part: after the last id, that part would come a second time', () => {
  const seen = new Seen();
  seen.took('a', true);
  seen.took('b', true);
  seen.reached('x-7');
  seen.took('a', false);
  expect(asked(seen, 'a', 'b')).toBe('follow=a&anew=a&follow=b&after=x-7');
  // And keeps asking until it has come.
  expect(asked(seen, 'a', 'b')).toBe('follow=a&anew=a&follow=b&after=x-7');
});
