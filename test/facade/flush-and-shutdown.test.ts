import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { flushAll, shutdownAll } from '../../src/facade/flush-and-shutdown.ts';
import type { OwnedPart } from '../../src/facade/flush-and-shutdown.ts';
import { SessionLogsError } from '../../src/support/errors.ts';

/** Keeps its time limit in two steps, as a part in a part does, and says then what is pending. */
function punctualPart(pending: number): OwnedPart {
  const end = async (timeoutMillis: number): Promise<void> => {
    await delay(timeoutMillis / 2);
    await delay(timeoutMillis / 2);
    throw new SessionLogsError('flush_timeout', 'too slow', { pending });
  };
  return { name: 'the part', forceFlush: end, shutdown: end, lost: () => ({}) };
}

function block(millis: number): void {
  const end = performance.now() + millis;
  while (performance.now() < end);
}

describe('flushing and shutting down all parts', () => {
  it('has the number pending of each part, also when the process was too busy to keep the time', async () => {
    for (const endAll of [flushAll, shutdownAll]) {
      const ended = endAll([punctualPart(2), punctualPart(3)], 20);
      block(200);
      await expect(ended).rejects.toMatchObject({ pending: 5 });
    }
  });

  it('does not wait for a part that never ends', async () => {
    const stuck = (): Promise<void> => new Promise(() => {});
    const part: OwnedPart = { name: 'the part', forceFlush: stuck, shutdown: stuck, lost: () => ({}) };
    await expect(flushAll([part], 10)).rejects.toMatchObject({
      code: 'flush_timeout',
      message: expect.stringContaining('forceFlush of the part did not end within 60 ms') as string,
    });
    await expect(shutdownAll([part], 10)).rejects.toMatchObject({ code: 'shutdown_timeout' });
  });
});
