import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import { RemoteSessionStore } from '../../../src/remote.ts';
import { SequenceLedger } from '../../../src/store/remote/sequence-ledger.ts';
import { StoredItem } from '../../../src/store/remote/stored-item.ts';
import { collect } from '../../support/collect.ts';
import { MemoryLog, MemoryServer } from '../../support/memory-log.ts';

function itemOf(producer: number, sequence: number): StoredItem {
  return new StoredItem({ id: 'a1', fields: ['d', '0,x', 'p', `producer${producer}`, 'n', String(sequence)] });
}

describe('what a cursor knows from the numbers of many producers', () => {
  it.each([100, 1_000, 1_500])('%i that take turns are not missed', (count) => {
    const ledger = new SequenceLedger();
    ledger.open(new Map(), { missed: 0, isComplete: true });
    for (const sequence of [1, 2, 3]) {
      for (let producer = 0; producer < count; producer += 1) {
        expect(ledger.note(itemOf(producer, sequence))).toBe(true);
        expect(ledger.missed).toBe(0);
      }
    }
  });

  it('among a thousand it knows what it missed, and what it has met', () => {
    const ledger = new SequenceLedger();
    ledger.open(new Map(), { missed: 0, isComplete: true });
    for (let producer = 0; producer < 1_000; producer += 1) ledger.note(itemOf(producer, 1));
    expect(ledger.note(itemOf(0, 4))).toBe(true);
    expect(ledger.note(itemOf(1_000, 3))).toBe(true);
    expect(ledger.missed).toBe(2 + 2);
    expect(ledger.note(itemOf(0, 4))).toBe(false);
    expect(ledger.note(itemOf(1, 1))).toBe(false);
  });

  it('a reader of a session that a hundred hosts write to is told of no gap', async () => {
    const server = new MemoryServer();
    const hosts = Array.from({ length: 101 }, () => {
      return new SessionLogs({ store: new RemoteSessionStore({ log: new MemoryLog(server) }) });
    });
    const gaps: number[] = [];
    const reader = (hosts[100] as SessionLogs).followSession('s', { onGap: ({ missed }) => gaps.push(missed) });
    const read = collect(reader, 200);
    // The reader has begun when there was no session yet, so it knows each producer from its first entry on.
    await nextTurn();
    for (const text of ['first', 'second']) {
      for (const host of hosts.slice(0, 100)) void host.logChunkToQueue(text, 's');
      await Promise.all(hosts.map((host) => host.forceFlush()));
    }
    expect(new Set((await read).map(({ message }) => message))).toEqual(new Set(['first', 'second']));
    expect(gaps).toEqual([]);
    expect(reader.missed).toBe(0);
    await Promise.all(hosts.map((host) => host.shutdown()));
  });
});
