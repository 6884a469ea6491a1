import { expect, it } from 'vitest';

import { RemoteSessionStore } from '../../../src/remote.ts';
import type { RemoteItem } from '../../../src/remote.ts';
import { readCount } from '../../../src/store/contract/contract-kit.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

it('what was claimed for a cursor that left comes before what the next one has claimed meanwhile', async () => {
  const answers: (() => void)[] = [];
  class SlowLog extends MemoryLog {
    override async claim(session: string): Promise<RemoteItem | undefined> {
      const item = await super.claim(session);
      if (answers.length < 2) await new Promise<void>((resolve) => answers.push(resolve));
      return item;
    }
  }
  const store = new RemoteSessionStore({ log: new SlowLog(new MemoryServer()) });
  for (const text of ['a', 'b', 'c']) store.append('s', text, 0, undefined);
  await store.flush();
  const leaving = store.claim('s');
  const left = leaving.step();
  await until(() => answers.length === 1);
  leaving.leave();
  const staying = store.claim('s');
  const read = readCount(staying, 3);
  await until(() => answers.length === 2);
  for (const answer of answers) answer();
  expect(await left).toBe('none');
  expect(await read).toEqual(['a', 'b', 'c']);
  staying.leave();
  await store.close();
});
