import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Block, Entry } from '../model/block.ts';
import type { SessionModel } from '../model/session-model.ts';
import { isShown } from './encode.ts';
import type { BlockQuery, ListQuery, SearchHit } from './protocol.ts';
import { isMatch } from './session-list.ts';
import { wholeSlice } from './text-slice.ts';

/** How many entries are searched before other work gets a turn. */
const ENTRIES_PER_TURN = 20_000;
/** An entry counts as one more for each of so many characters. */
const CHARS_PER_ENTRY = 250;
const EXCERPT_BEFORE = 40;
const EXCERPT_LENGTH = 160;
/** To so many places in one block a page leads. */
const MAX_TIMES = 1_000;
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
  query: ListQuery & BlockQuery,
  signal: AbortSignal,
): Promise<{ readonly hits: SearchHit[]; readonly isComplete: boolean }> {
  const wanted = text.toLowerCase();
  const hits: SearchHit[] = [];
  let looked = 0;
  for (const session of model.inOrder.toReversed()) {
    if (!isMatch(session, query, model.now())) continue;
    let first: Found | undefined;
    let count = 0;
    const [blocks, times]: [number[], number[]] = [[], []];
    for (const block of session.blocks.slice()) {
      if ((looked += block.entries.length) >= ENTRIES_PER_TURN) {
        looked = 0;
        await nextTurn();
        if (signal.aborted) return { hits, isComplete: false };
      }
      if (!isShown(block, query)) continue;
      const whole = textOf(block);
      looked += whole.length / CHARS_PER_ENTRY;
      const lower = whole.toLowerCase();
      const inBlock = timesIn(lower, wanted);
      if (inBlock === 0) continue;
      count += inBlock;
      if (blocks.length < MAX_PLACES) {
        blocks.push(block.id);
        times.push(Math.min(inBlock, MAX_TIMES));
      }
      first ??= firstIn(block, whole, lower.indexOf(wanted));
    }
    if (first === undefined) continue;
    hits.push({ key: session.key, ...first, blocks, times, count });
    if (hits.length >= query.limit) return { hits, isComplete: false };
  }
  return { hits, isComplete: true };
}

type Found = Pick<SearchHit, 'seq' | 'excerpt'>;

function textOf({ entries }: Block): string {
  return entries.length === 1 ? (entries[0] as Entry).text : joined(entries);
}

/** How often a text has another; both are in lower case. */
function timesIn(lower: string, wanted: string): number {
  let times = 0;
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, at + 1)) times += 1;
  return times;
}

/** @param lowerAt Where it begins in the text in lower case. */
function firstIn({ entries }: Block, text: string, lowerAt: number): Found {
  const at = placeIn(text, lowerAt);
  const from = Math.max(0, at - EXCERPT_BEFORE);
  return { seq: seqAt(entries, at), excerpt: wholeSlice(text, from, from + EXCERPT_LENGTH) };
}

/** The place in the text of a character of it in lower case, where the letter İ has two. */
function placeIn(text: string, lowerAt: number): number {
  if (!text.includes('İ')) return lowerAt;
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
