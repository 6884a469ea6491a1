import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../src/entry/entry-detail.ts';
import { afterEntry, startBy } from '../../src/entry/answer-state.ts';
import type { OpenAnswer } from '../../src/entry/answer-state.ts';

const start = entryDetail({ kind: 'stream-start' });
const end = entryDetail({ kind: 'stream-end' });
const toolEnd = entryDetail({ kind: 'tool-call-end' });

describe('the open answer of a session', () => {
  it.each<[string, OpenAnswer, ReturnType<typeof entryDetail> | undefined, OpenAnswer]>([
    ['opens with a start', 0, start, 1],
    ['stays closed at text', 0, undefined, 0],
    ['stays closed at the end of a tool call', 0, toolEnd, 0],
    ['closes with an end', 1, end, 0],
    ['stands open after a tool call', 1, toolEnd, 2],
    ['goes on with text after a tool call', 2, undefined, 1],
    ['goes on with a start after a tool call', 2, start, 1],
    ['does not mind entries with a stream id', 2, entryDetail({ kind: 'stream-end', streamId: 'x' }), 2],
    ['does not mind log entries', 2, entryDetail({ kind: 'stream-end', logType: 'log' }), 2],
  ])('%s', (_, before, detail, after) => {
    expect(afterEntry(before, detail)).toBe(after);
  });

  it('is gone on with by a start after a tool call, and else loses its place to a start', () => {
    expect(startBy(0, start)).toBe('begins');
    expect(startBy(1, start)).toBe('takes-place');
    expect(startBy(2, start)).toBe('goes-on');
  });

  it('is nothing to other entries, a start with a stream id and one that is a log entry included', () => {
    const others = [undefined, end, toolEnd, { ...start, streamId: 'x' }, { ...start, logType: 'log' as const }];
    for (const open of [0, 1, 2] as const) {
      for (const detail of others) expect(startBy(open, detail)).toBe(undefined);
    }
  });
});
