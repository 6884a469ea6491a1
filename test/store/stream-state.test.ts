import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../src/entry/entry-detail.ts';
import { afterEntry, isAbandonedBy } from '../../src/store/stream-state.ts';
import type { OpenStream } from '../../src/store/stream-state.ts';

const start = entryDetail({ kind: 'stream-start' });
const end = entryDetail({ kind: 'stream-end' });
const toolEnd = entryDetail({ kind: 'tool-call-end' });

describe('the open stream of a session', () => {
  it.each<[string, OpenStream, ReturnType<typeof entryDetail> | undefined, OpenStream]>([
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

  it('is abandoned by a chat start without a stream id alone, and not after a tool call', () => {
    expect(isAbandonedBy(1, start)).toBe(true);
    expect(isAbandonedBy(0, start)).toBe(false);
    expect(isAbandonedBy(2, start)).toBe(false);
    expect(isAbandonedBy(1, undefined)).toBe(false);
    expect(isAbandonedBy(1, end)).toBe(false);
    expect(isAbandonedBy(1, entryDetail({ kind: 'stream-start', streamId: 'x' }))).toBe(false);
    expect(isAbandonedBy(1, entryDetail({ kind: 'stream-start', logType: 'log' }))).toBe(false);
  });
});
