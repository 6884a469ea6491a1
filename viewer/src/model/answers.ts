import { ATTRIBUTE, afterKind, startIn } from '../formats.ts';
import type { OpenAnswer } from '../formats.ts';
import { isBroken } from './block.ts';
import type { Block, Entry, Part } from './block.ts';
import type { BlockList } from './block-list.ts';
import { finishReasonsOf, roleOf } from './entry.ts';

/** The open answer of a stream, and its state by the rules of the main package. */
interface Stream {
  block: Block;
  open: OpenAnswer;
  part: Part;
}

/** Joins the chat of a session into answers, and knows which answers are still open. */
export class Answers {
  readonly #blocks: BlockList;
  /** By stream id; `''` for answers without one. */
  readonly #streams = new Map<string, Stream>();
  /** How many of them began with a mark, and so wait for one that ends them. */
  #marked = 0;
  /** The newest block of chat. */
  #last: Block | undefined;
  /** The cursor at the newest gap. */
  #gapAt = 0;

  constructor(blocks: BlockList) {
    this.#blocks = blocks;
  }

  /** Answers that began with a mark and have not ended. */
  get open(): number {
    return this.#marked;
  }

  /** Places the entry in its block. */
  add(entry: Entry): Block {
    const role = roleOf(entry.data);
    if (role !== undefined && role !== 'assistant') {
      const message = this.#blocks.addSingle(entry, 'message');
      this.#goOnFrom(message, entry.seq);
      return message;
    }
    const id = entry.data.attributes[ATTRIBUTE.streamId];
    const streamId = typeof id === 'string' ? id : '';
    const stream = this.#streamFor(entry, streamId);
    const { block } = stream;
    block.entries.push(entry);
    entry.block = block;
    stream.open = afterKind(stream.open, entry.kind);
    place(entry, stream);
    this.#goOnFrom(block, entry.seq);
    const reasons = finishReasonsOf(entry.data);
    if (reasons.length > 0) block.finishReasons = reasons;
    if (entry.kind === 'error' || isBroken(reasons)) block.isFailed = true;
    const isToldOver = entry.kind === 'text' && reasons.length > 0;
    if (entry.kind === 'stream-end' || isToldOver) this.#close(block);
    // A record merged from chunks comes without marks: nothing follows its finish reasons.
    if (entry.kind === 'stream-end' || (isToldOver && !block.isMarked)) this.#streams.delete(streamId);
    return block;
  }

  /** Entries are missing here: an open answer continues in a block below. */
  noteGap(seq: number): void {
    this.#gapAt = seq;
  }

  /** Closes all open answers. */
  endAll(seq: number): void {
    for (const { block } of this.#streams.values()) {
      block.isOpen = false;
      this.#blocks.noteChange(block, seq);
    }
    this.#streams.clear();
    this.#marked = 0;
    this.#last = undefined;
  }

  /** Forgets blocks that the session no longer holds. */
  forget(gone: ReadonlySet<Block>): void {
    if (this.#last !== undefined && gone.has(this.#last)) this.#last = undefined;
    for (const [id, { block }] of this.#streams) {
      if (!gone.has(block)) continue;
      this.#close(block);
      this.#streams.delete(id);
    }
  }

  #close(block: Block): void {
    if (block.isOpen && block.isMarked) this.#marked -= 1;
    block.isOpen = false;
  }

  /** A start continues the answer, though its finish reasons were told. */
  #reopen(block: Block): void {
    if (!block.isOpen) this.#marked += 1;
    block.isOpen = true;
  }

  /** Notes the newest block of chat. The one before it is over if it is text without marks and without a stream id. */
  #goOnFrom(block: Block, seq: number): void {
    const before = this.#last;
    this.#last = block;
    if (before === undefined || before === block || !before.isOpen || before.isMarked || before.streamId !== undefined)
      return;
    before.isOpen = false;
    this.#blocks.noteChange(before, seq);
  }

  /** The stream that the entry continues or begins. */
  #streamFor(entry: Entry, streamId: string): Stream {
    const known = this.#streams.get(streamId);
    if (known !== undefined && this.#goesOn(entry, known, streamId)) {
      if (entry.kind === 'stream-start') this.#reopen(known.block);
      if (this.#isBehindGap(entry, known)) this.#continueBelow(entry, known);
      return known;
    }
    if (known !== undefined) this.#abandon(known, streamId, entry.seq);
    const isMarked = entry.kind === 'stream-start';
    const beginning = { streamId: streamId === '' ? undefined : streamId, isMarked, isContinued: false };
    const stream: Stream = { block: this.#blocks.addAnswer(entry, beginning), open: 0, part: 'text' };
    this.#streams.set(streamId, stream);
    if (isMarked) this.#marked += 1;
    return stream;
  }

  /** Closes an answer because another one takes its place. */
  #abandon({ block }: Stream, streamId: string, seq: number): void {
    if (block.isMarked && block.isOpen) {
      block.finishReasons = ['abandoned'];
      block.isFailed = true;
    }
    this.#close(block);
    this.#blocks.noteChange(block, seq);
    this.#streams.delete(streamId);
  }

  #goesOn({ kind }: Entry, { open, block }: Stream, streamId: string): boolean {
    if (kind === 'stream-start') {
      // The rule of the main package: after a tool call, a start continues the open answer.
      return streamId === '' ? startIn(open) === 'goes-on' : block.isMarked;
    }
    // Text without marks continues until other chat comes; logs in between do not split it.
    return block.isMarked || streamId !== '' || block === this.#last;
  }

  /** Whether a gap lies between the block and the entry. The mark that ends an answer starts no block below a gap: it has no text. */
  #isBehindGap({ kind }: Entry, { block }: Stream): boolean {
    return kind !== 'stream-end' && (block.entries.at(-1)?.seq ?? this.#gapAt) < this.#gapAt;
  }

  /** Continues the answer below the gap, in a block of its own. */
  #continueBelow(entry: Entry, stream: Stream): void {
    const { block } = stream;
    const { streamId, isMarked, isFailed, isOpen } = block;
    block.isOpen = false;
    this.#blocks.noteChange(block, entry.seq);
    stream.block = this.#blocks.addAnswer(entry, { streamId, isMarked, isContinued: true });
    stream.block.isFailed = isFailed;
    stream.block.isOpen = isOpen;
    if (this.#last === block) this.#last = stream.block;
  }
}

/** Sets the part of the answer that the entry belongs to. */
function place(entry: Entry, stream: Stream): void {
  switch (entry.kind) {
    case 'text':
      entry.part = stream.part;
      return;
    case 'error':
      entry.part = 'error';
      return;
    case 'reasoning-start':
      stream.part = 'reasoning';
      break;
    case 'tool-call-start':
      stream.part = 'tool';
      break;
    default:
      stream.part = 'text';
  }
  entry.part = 'mark';
}
