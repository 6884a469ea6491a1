import assert from 'node:assert/strict';

import { sleep } from '../../support/timers.ts';
import { log, logAll, names, readFrom } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Tests of entry ids. */
export function idContract(test: ContractTest): void {
  test('ids are printable ASCII, unique, and the same for every reader', async (store) => {
    await logAll(store, 's', ...names(50));
    const { ids } = await readFrom(store, 's', 'start');
    assert.equal(new Set(ids).size, 50);
    for (const id of ids) assert.match(id, /^[\x21-\x7e]+$/);
    assert.deepEqual((await readFrom(store, 's', 'start')).ids, ids);
  });

  test('ids of a session sort as text in the order logged: many, over lives, at all distances, after a deletion', async (store) => {
    const ids: string[] = [];
    const collect = async (): Promise<void> => {
      await store.flush();
      const cursor = store.open('s', { from: ids.length === 0 ? 'start' : { after: ids.at(-1) as string } });
      for (;;) {
        const step = await cursor.step();
        if (step === 'entry') ids.push(cursor.id);
        else if (step !== 'end') break;
      }
      cursor.leave();
    };
    // Of one digit to four, each change of their number among them.
    for (const name of names(1_101)) log(store, 's', name);
    await collect();
    for (let life = 0; life < 12; life += 1) {
      store.end('s');
      for (const name of names(life)) log(store, 's', name);
      log(store, 'other', 'm');
      if (life % 3 === 0) await collect();
      if (life % 4 === 0) await sleep(2);
    }
    await collect();
    assert.equal(ids.length, 1_101 + 66);
    store.delete('s');
    for (const name of names(11)) log(store, 's', name);
    await store.flush();
    ids.push(...(await readFrom(store, 's', 'start')).ids);
    assert.equal(new Set(ids).size, 1_101 + 66 + 11);
    assert.deepEqual(ids.toSorted(), ids);
    for (const id of ids) assert.ok(id.length <= 64, id);
  });
}
