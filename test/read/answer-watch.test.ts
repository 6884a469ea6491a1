import { describe, expect, it } from 'vitest';

import { ABANDONED_END, entryDetail } from '../../src/entry/entry-detail.ts';
import type { EntryDetail } from '../../src/entry/entry-detail.ts';
import { AnswerWatch } from '../../src/read/answer-watch.ts';

const end = (streamId?: string): EntryDetail => entryDetail({ kind: 'stream-end', streamId });

describe('AnswerWatch', () => {
  it.each<[string, EntryDetail | undefined, boolean]>([
    ['a plain chunk', undefined, false],
    ['text with attributes', entryDetail({ attributes: { a: 1 } }), false],
    ['the start of a tool call', entryDetail({ kind: 'tool-call-start' }), false],
    ['a start', entryDetail({ kind: 'stream-start' }), true],
    ['an end', end(), true],
    ['text with a stream id', entryDetail({ streamId: 'a' }), true],
  ])('%s tells which answer it belongs to: %#', (_, detail, tells) => {
    const watch = new AnswerWatch();
    expect([watch.isKnown, watch.learnFrom(detail), watch.isKnown]).toEqual([false, tells, tells]);
  });

  it('ends with the end of its own answer only', () => {
    const withId = new AnswerWatch();
    withId.learnFrom(entryDetail({ streamId: 'a' }));
    expect([end('a'), end('b'), end()].map((detail) => withId.endsWith(detail))).toEqual([true, false, false]);
    const withoutId = new AnswerWatch();
    withoutId.learnFrom(entryDetail({ kind: 'stream-start' }));
    expect([end('a'), end()].map((detail) => withoutId.endsWith(detail))).toEqual([false, true]);
  });

  it('begun outside any answer it ends with the next end, whosever it is; inside one without an id, with its own', () => {
    for (const [state, ends] of [
      ['none', [true, true]],
      ['running', [false, true]],
      ['finished', [false, true]],
    ] as const) {
      const watch = new AnswerWatch();
      watch.learnFromState(state);
      expect([end('a'), end()].map((detail) => watch.endsWith(detail))).toEqual(ends);
    }
  });

  it('an abandoned end does not count, nor does anything that is no end', () => {
    const watch = new AnswerWatch();
    watch.learnFromState('none');
    expect(watch.endsWith(ABANDONED_END)).toBe(false);
    expect(watch.endsWith(undefined)).toBe(false);
    expect(watch.endsWith(entryDetail({ kind: 'reasoning-stop' }))).toBe(false);
  });
});
