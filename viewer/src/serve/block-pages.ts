import type { Block } from '../model/block.ts';
import { blockChange } from './encode.ts';
import type { BlockChange } from './protocol.ts';

/** About the most characters of blocks in one answer of the server, which has at least one block. */
const MAX_CHARS = 2 * 1024 * 1024;

/** The newest blocks, oldest first: at most `limit`, and fewer if they are long. @param maxChars As in `blockChange`. */
export function newestChanges(blocks: readonly Block[], limit: number, maxChars?: number): BlockChange[] {
  const changes: BlockChange[] = [];
  let chars = 0;
  for (let at = blocks.length - 1; at >= 0 && changes.length < limit && chars < MAX_CHARS; at -= 1) {
    const change = blockChange(blocks[at] as Block, 0, maxChars);
    chars += charsOf(change);
    changes.push(change);
  }
  return changes.reverse();
}

export function charsOf({ parts }: BlockChange): number {
  return parts.reduce((sum, { text }) => sum + text.length, 0);
}

/** The change in pieces of a bounded size, in the order in which a page joins them. */
export function inPieces(change: BlockChange, maxChars: number): BlockChange[] {
  if (charsOf(change) <= maxChars) return [change];
  const { isNew: _isNew, startsPart: _startsPart, ...later } = change;
  const pieces: BlockChange[] = [];
  for (const part of change.parts) {
    for (let from = 0; from === 0 || from < part.text.length; from += maxChars) {
      const first = pieces.length === 0 ? change : later;
      // A part begins with its first piece; the other pieces continue it.
      const startsPart = from === 0 && pieces.length > 0 ? { startsPart: true as const } : {};
      pieces.push({ ...first, ...startsPart, parts: [{ ...part, text: part.text.slice(from, from + maxChars) }] });
    }
  }
  return pieces;
}
