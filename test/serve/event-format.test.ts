import { setImmediate as turn } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { entryDetail } from '../../src/entry/entry-detail.ts';
import { makeEntry } from '../../src/entry/entry.ts';
import type { LogEntry } from '../../src/entry/entry.ts';
import { entryEvent, lastBlock } from '../../src/serve/event-format.ts';
import type { EntryFormat } from '../../src/serve/event-format.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';

const diagnostics = recordDiagnostics();

/** The rejections that nobody handles from here on, each of which would end the process. */
function noteRejections(): readonly unknown[] {
  const rejections: unknown[] = [];
  const note = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  return rejections;
}

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
    expect(diagnostics.lines).toEqual([]);
  });

  it('stays masked when onError gives what is no text, which is told', async () => {
    const rejections = noteRejections();
    for (const answer of [Promise.reject(new Error('late')), 5, null, { text: 'x' }, ['x'], new Error('away')]) {
      expect(shown(error, { onError: () => answer as never })).toMatchObject({ message: 'An error occurred.' });
    }
    await turn();
    expect(rejections).toEqual([]);
    expect(diagnostics.lines).toEqual([expect.stringContaining('onError')]);
  });
});

it('an async map leaves the entry out, which is told, and ends no process when it rejects', async () => {
  const rejections = noteRejections();
  const entry = makeEntry('1-1', 's', 'text', 0, undefined);
  expect(entryEvent(entry, { map: () => Promise.reject(new Error('late')), onError: undefined })).toBeUndefined();
  await turn();
  expect(rejections).toEqual([]);
  expect(diagnostics.lines).toEqual([expect.stringContaining('could not be mapped')]);
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
