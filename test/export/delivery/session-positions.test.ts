import { expect, test } from 'vitest';

import { MemorySegment } from '../../../src/export/spool/memory-segment.ts';
import { SessionPositions } from '../../../src/export/delivery/session-positions.ts';

test('the sessions not used for longest are forgotten beyond the bound, and what is settled of them changes nothing', () => {
  const positions = new SessionPositions(3);
  const segment = new MemorySegment(1, 0);
  for (const id of ['a', 'b', 'c']) positions.appended(segment, [positions.appending(id)]);
  // The first round takes the marks of use away; 'a' is used again, so 'b' goes.
  positions.appended(segment, [positions.appending('d')]);
  positions.appended(segment, [positions.appending('b')]);
  positions.appended(segment, [positions.appending('e')]);
  const known = ['a', 'b', 'c', 'd', 'e'].filter((id) => positions.watch(id) !== undefined);
  expect(known).toHaveLength(3);
  expect(known).toContain('e');
  expect(known).toContain('b');
  positions.settled(segment, { sessionId: 'a', entryId: 'a:1' }, true);
  expect(positions.watch('a')).toBeUndefined();
});

test('100,000 sessions leave no more than the bound', () => {
  const positions = new SessionPositions(1_000);
  for (let i = 0; i < 100_000; i += 1) positions.appending(`s${i}`);
  const known = Array.from({ length: 100_000 }, (_, i) => `s${i}`).filter((id) => positions.watch(id) !== undefined);
  expect(known).toHaveLength(1_000);
  expect(known[0]).toBe('s99000');
});

test('a session keeps its place when what waited in memory moves to a file, and loses what is dropped', () => {
  const positions = new SessionPositions();
  const [memory, file] = [new MemorySegment(1, 0), new MemorySegment(1, 0)];
  positions.appended(memory, [positions.appending('a'), positions.appending('a'), positions.appending('a')]);
  positions.moved(memory, file);
  positions.settled(file, { sessionId: 'a', entryId: 'a:1' }, true);
  const watch = positions.watch('a');
  positions.appended(file, [positions.appending('a')]);
  expect(watch?.report()).toStrictEqual({ deliveredId: 'a:1', pending: 2, rejected: 0, dropped: 0 });
  positions.removed(file);
  expect(watch?.isSettled).toBe(true);
  expect(watch?.report()).toStrictEqual({ deliveredId: 'a:1', pending: 0, rejected: 0, dropped: 3 });
});

test('what has no room settles nothing that was logged before it', () => {
  const positions = new SessionPositions();
  const segment = new MemorySegment(1, 0);
  positions.appended(segment, [positions.appending('a'), positions.appending('a')]);
  const watch = positions.watch('a');
  positions.appended(undefined, [positions.appending('a')]);
  positions.refused('a');
  expect(watch?.isSettled).toBe(false);
  expect(watch?.report()).toStrictEqual({ deliveredId: undefined, pending: 2, rejected: 0, dropped: 2 });
  positions.settled(segment, { sessionId: 'a', entryId: 'a:1' }, true);
  positions.settled(segment, { sessionId: 'a', entryId: 'a:2' }, true);
  expect(positions.watch('a')?.isSettled).toBe(true);
  expect(positions.watch('a')?.report()).toStrictEqual({ deliveredId: 'a:2', pending: 0, rejected: 0, dropped: 2 });
});

test('a record that could not be written at all is dropped', () => {
  const positions = new SessionPositions();
  positions.appended(undefined, [positions.appending('a')]);
  expect(positions.watch('a')?.report()).toStrictEqual({ deliveredId: undefined, pending: 0, rejected: 0, dropped: 1 });
});
