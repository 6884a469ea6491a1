import { setImmediate as nextTurn } from 'node:timers/promises';

import type { SessionModel } from '../model/session-model.ts';
import type { SearchHit } from './protocol.ts';

/** So many entries are looked at before others get a turn. */
const ENTRIES_PER_TURN = 20_000;
const EXCERPT_BEFORE = 40;
const EXCERPT_LENGTH = 160;

/** Looks for a text, whatever its case, in all entries held; the newest sessions first. Answers with one hit for each session. */
export async function searchEntries(
  model: SessionModel,
  text: string,
  limit: number,
  signal: AbortSignal,
): Promise<{ readonly hits: SearchHit[]; readonly isComplete: boolean }> {
  const wanted = text.toLowerCase();
  const hits: SearchHit[] = [];
  let looked = 0;
  for (const session of model.inOrder.toReversed()) {
    let hit: SearchHit | undefined;
    let count = 0;
    for (const entry of session.entries.slice()) {
      if ((looked += 1) % ENTRIES_PER_TURN === 0) {
        await nextTurn();
        if (signal.aborted) return { hits, isComplete: false };
      }
      const at = entry.text.toLowerCase().indexOf(wanted);
      if (at === -1) continue;
      count += 1;
      const from = Math.max(0, at - EXCERPT_BEFORE);
      const excerpt = entry.text.slice(from, from + EXCERPT_LENGTH);
      hit ??= { key: session.key, seq: entry.seq, block: entry.block.id, excerpt, count: 0 };
    }
    if (hit === undefined) continue;
    hits.push({ ...hit, count });
    if (hits.length >= limit) return { hits, isComplete: false };
  }
  return { hits, isComplete: true };
}
