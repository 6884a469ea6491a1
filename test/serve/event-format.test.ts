import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../src/entry/entry-detail.ts';
import { makeEntry } from '../../src/entry/entry.ts';
import type { LogEntry } from '../../src/entry/entry.ts';
import { entryEvent, lastBlock } from '../../src/serve/event-format.ts';
import type { EntryFormat } from '../../src/serve/event-format.ts';

const shown = (entry: LogEntry, format: Partial<EntryFormat>): unknown => {
  const event = entryEvent(entry, { map: undefined, onError: undefined, ...format });
  return JSON.parse(event?.split('data: ')[1] ?? '');
};

describe('what a browser is shown of an error', () => {
  const attributes = { 'exception.type': 'RangeError', 'exception.message': 'connect ECONNREFUSED 10.0.0.7' };
  const error = makeEntry('1-1', 's', 'the model is away', 0, entryDetail({ kind: 'error', attributes }));

  it('is nothing of it by itself, whatever the writer said', () => {
    expect(shown(error, {})).toMatchObject({ kind: 'error', message: 'An error occurred.' });
    expect(shown(error, { map: ({ message }) => message })).toBe('An error occurred.');
  });

  it('is what the application makes of its text and its exception', () => {
    expect(shown(error, { onError: ({ message }) => message })).toMatchObject({ message: 'the model is away' });
    const onError = (entry: LogEntry): string => `Failed: ${JSON.stringify(entry.attributes?.['exception.type'])}`;
    expect(shown(error, { onError })).toMatchObject({ message: 'Failed: "RangeError"' });
    expect(shown(error, { onError, map: ({ message }) => message })).toBe('Failed: "RangeError"');
  });

  it('stays masked when the application has nothing to say of it', () => {
    expect(shown(error, { onError: () => undefined })).toMatchObject({ message: 'An error occurred.' });
  });
});

describe('the last block', () => {
  it.each(['session-end', 'stream-end', 'caught-up', 'deleted', 'no-session'] as const)(
    'says %s: it is final',
    (end) => {
      expect(lastBlock(end, 5, undefined)).toBe(`event: end\ndata: {"reason":"${end}"}\n\n`);
    },
  );

  it.each(['shutdown', 'aborted', 'idle-timeout', 'refused', 'failed', 'returned', undefined] as const)(
    'is no event after %s: that is no end of the session',
    (end) => {
      expect(lastBlock(end, 5, undefined)).toBe('retry: 5\n\n');
      expect(lastBlock(end, 5, '1-1')).toBe('id: 1-1\nretry: 5\n\n');
    },
  );
});
