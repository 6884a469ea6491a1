import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Block, Entry } from '../model/block.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { ListQuery, SearchHit } from './protocol.ts';
import { isMatch } from './session-list.ts';
import { wholeSlice } from './text-slice.ts';

/** How many entries are searched before other work gets a turn. */
const ENTRIES_PER_TURN = 20_000;
/** An entry counts as one more for each of so many characters. */
const CHARS_PER_ENTRY = 250;
const EXCERPT_BEFORE = 40;
const EXCERPT_LENGTH = 160;
/** Most blocks of a session that a hit names; it counts them all. */
const MAX_PLACES = 1_000;

/**
 * Searches all blocks of the sessions that the query lets through for a text, whatever its case, the newest sessions first. An
 * answer is searched as one text, since a word may span several chunks.
 *
 * @returns One hit for each session. `isComplete` is false if the search ended at the limit or the abort.
 */
export async function searchBlocks(
  model: SessionModel,
  text: string,
  query: ListQuery,
  signal: AbortSignal,
): Promise<{ readonly hits: SearchHit[]; readonly isComplete: boolean }> {
  const wanted = text.toLowerCase();
  const hits: SearchHit[] = [];
  let looked = 0;
  for (const session of model.inOrder.toReversed()) {
    if (!isMatch(session, query, model.now())) continue;
    let first: Found | undefined;
    let count = 0;
    const blocks: number[] = [];
    for (const block of session.blocks.slice()) {
      if ((looked += block.entries.length) >= ENTRIES_PER_TURN) {
        looked = 0;
        await nextTurn();
        if (signal.aborted) return { hits, isComplete: false };
      }
      const text = textOf(block);
      looked += text.length / CHARS_PER_ENTRY;
      const found = foundIn(block, text, wanted);
      if (found === undefined) continue;
      count += 1;
      if (blocks.length < MAX_PLACES) blocks.push(block.id);
      first ??= found;
    }
    if (first === undefined) continue;
    hits.push({ key: session.key, ...first, blocks, count });
    if (hits.length >= query.limit) return { hits, isComplete: false };
  }
  return { hits, isComplete: true };
}

type Found = Pick<SearchHit, 'seq' | 'excerpt'>;

function textOf({ entries }: Block): string {
  return entries.length === 1 ? (entries[0] as Entry).text : joined(entries);
}

function foundIn({ entries }: Block, text: string, wanted: string): Found | undefined {
  const lower = text.toLowerCase();
  const found = lower.indexOf(wanted);
  if (found === -1) return undefined;
  const at = lower.length === text.length ? found : placeIn(text, found);
  const from = Math.max(0, at - EXCERPT_BEFORE);
  const excerpt = wholeSlice(text, from, from + EXCERPT_LENGTH);
  return { seq: seqAt(entries, at), excerpt };
}

/** The place in the text of a character of it in lower case, where the letter İ has two. */
function placeIn(text: string, lowerAt: number): number {
  let at = 0;
  for (let left = lowerAt; left > 0; at += 1) left -= text[at] === 'İ' ? 2 : 1;
  return at;
}

/** Each part of an answer begins on a line of its own, so that nothing is found across two parts. */
function joined(entries: readonly Entry[]): string {
  let text = '';
  for (const entry of entries) text += pieceOf(entry);
  return text;
}

function pieceOf({ part, text }: Entry): string {
  return part === 'mark' ? '\n' : text;
}

/** The entry that has this character of the joined text. */
function seqAt(entries: readonly Entry[], at: number): number {
  let end = 0;
  for (const entry of entries) {
    end += entries.length === 1 ? entry.text.length : pieceOf(entry).length;
    if (end > at) return entry.seq;
  }
  return entries.at(-1)?.seq ?? 0;
}
