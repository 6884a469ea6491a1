import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { DeadLetters } from '../../../src/export/durable/dead-letters.ts';
import type { ReadableLogRecord } from '../../../src/otel/log-record.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const RECORD = {
  resource: { attributes: {} },
  instrumentationScope: { name: 's' },
  attributes: {},
  hrTime: [1, 1],
  hrTimeObserved: [1, 1],
  body: 'x'.repeat(1_000),
  droppedAttributesCount: 0,
} as unknown as ReadableLogRecord;

function deadLettersIn(root: string, losses: unknown[]): DeadLetters {
  return new DeadLetters(root, { maxBytes: 70_000, now: () => 1_000, onLost: (...loss) => losses.push(loss) });
}

test('writers of one process id, as threads and containers are, have files of their own', () => {
  const root = temporaryDirectory();
  const losses: unknown[] = [];
  const writers = [1, 2, 3].map(() => deadLettersIn(root, losses));
  for (const writer of writers) writer.add(RECORD);
  expect(readdirSync(join(root, 'dead'))).toHaveLength(3);
  expect(losses).toEqual([]);
});

test.each(['file', 'directory'])('a %s that was removed or moved is made again, and costs no record', (what) => {
  const root = temporaryDirectory();
  const directory = join(root, 'dead');
  const losses: unknown[] = [];
  const dead = deadLettersIn(root, losses);
  dead.add(RECORD);
  if (what === 'file') renameSync(join(directory, readdirSync(directory)[0] ?? ''), join(root, 'moved'));
  else rmSync(directory, { recursive: true });
  dead.add(RECORD);
  dead.add(RECORD);
  expect(readdirSync(directory)).toHaveLength(1);
  expect(losses).toEqual([]);
});
