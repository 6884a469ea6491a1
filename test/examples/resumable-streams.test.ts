import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

import { expect, it, onTestFinished } from 'vitest';

import { ResumableStreams } from '../../examples/resumable-streams.ts';
import { SessionLogs } from '../../src/index.ts';

// The suite of resumable-stream itself: test/integration/resumable-stream.test.ts.
it('the adapter for `resumable-stream` gives each client the whole stream, or the rest, and none when it is done', async () => {
  const sessions = new SessionLogs();
  onTestFinished(() => sessions.shutdown());
  const streams = new ResumableStreams(sessions);
  expect(await streams.resumeExistingStream('a')).toBeUndefined();
  const source = new TransformStream<string, string>();
  const writer = source.writable.getWriter();
  const first = await streams.resumableStream('a', () => source.readable);
  await writer.write('Hel');
  await first?.cancel(); // the first client leaves
  const rest = await streams.resumeExistingStream('a', 2);
  const whole = await streams.resumableStream('a', () => {
    throw new Error('it is there');
  });
  expect(await streams.hasExistingStream('a')).toBe(true);
  void writer.write('lo').then(() => writer.close());
  expect([await text(rest as never), await text(whole as never)]).toEqual(['llo', 'Hello']);
  expect(await streams.resumeExistingStream('a')).toBeNull();
  expect([await streams.hasExistingStream('a'), await streams.hasExistingStream('b')]).toEqual(['DONE', null]);
});

it('has 40 lines at most', () => {
  const lines = readFileSync(new URL('../../examples/resumable-streams.ts', import.meta.url), 'utf8').split('\n');
  expect(lines.length - 1).toBeLessThanOrEqual(40);
});
