import { ATTRIBUTE, afterKind, startIn } from '../formats.ts';
import type { OpenAnswer } from '../formats.ts';
import { isBroken } from './block.ts';
import type { Block, BlockType, Entry, Part } from './block.ts';
import { ChangeOrder } from './change-order.ts';
import { chunksOf, ERROR_SEVERITY, finishReasonsOf, roleOf } from './entry.ts';

/** `session`: by an id in its records. `service`: the records of a service that name none. `output`: what a program printed. */
export type SessionKind = 'session' | 'service' | 'output';

/** - `live`: an answer is open, or something came a short while ago. - `failed`: the last that came is an error, or an answer that broke off. */
export type SessionState = 'live' | 'ended' | 'failed';

/** After this time without an entry a session counts as ended, unless an answer of it is open. */
export const LIVE_MILLIS = 30_000;
/** After this time an open answer counts as one that will not go on. */
const OPEN_ANSWER_MILLIS = 10 * 60_000;

/** Longest name of a service in a row of the list. */
const MAX_SERVICE = 256;

/** Up to where the entries of a session have reached the collector. */
export interface Delivered {
  /** The newest entry of which that is known. */
  readonly seq: number;
  readonly millis: number;
}

/** The open answer of a stream, and its state as the main package has it. */
interface Stream {
  block: Block;
  open: OpenAnswer;
  part: Part;
}

/** What a session takes from the model that holds it: numbers that count over all sessions. */
export interface Numbers {
  nextBlock(): number;
  nextSeq(): number;
}

/** The entries of a session, joined into blocks as they come. */
export class Session {
  readonly key: string;
  readonly name: string;
  readonly kind: SessionKind;
  /** Sessions in the order in which they began. */
  readonly ordinal: number;
  /** The cursor before its first entry: a page that has seen further knew another session of this name. */
  readonly bornAt: number;
  /** In the order of arrival. */
  readonly entries: Entry[] = [];
  readonly blocks: Block[] = [];
  readonly services: Set<string> = new Set();
  readonly sources: Set<number> = new Set();
  readonly #numbers: Numbers;
  readonly #changes = new ChangeOrder();
  /** By stream id, `''` for answers without. */
  readonly #streams = new Map<string, Stream>();
  /** The last block that the user of the session sees. */
  #lastChat: Block | undefined;
  /** The cursor at the newest gap. */
  #gapAt = 0;
  #lastFailed = false;
  #hasEnded = false;
  firstMillis: number = Number.POSITIVE_INFINITY;
  lastMillis = 0;
  /** When the last entry came, on the clock of this process; of what was read from a file, the time of the record. */
  activeMillis = 0;
  /** Entries that were held and are not any more. */
  trimmed = 0;
  /** Entries that are known to be missing, for other reasons. */
  missing = 0;
  errors = 0;
  chunks = 0;
  inputTokens = 0;
  outputTokens = 0;
  bytes = 0;
  /** The cursor at which anything of it changed last. */
  version = 0;
  delivered: Delivered | undefined;

  constructor(origin: Pick<Session, 'key' | 'name' | 'kind' | 'ordinal' | 'bornAt'>, numbers: Numbers) {
    this.key = origin.key;
    this.name = origin.name;
    this.kind = origin.kind;
    this.ordinal = origin.ordinal;
    this.bornAt = origin.bornAt;
    this.#numbers = numbers;
  }

  get openAnswers(): number {
    let open = 0;
    for (const { block } of this.#streams.values()) if (block.isOpen && block.isMarked) open += 1;
    return open;
  }

  stateAt(nowMillis: number): SessionState {
    const quietMillis = nowMillis - this.activeMillis;
    if (!this.#hasEnded) {
      if (this.openAnswers > 0 && quietMillis < OPEN_ANSWER_MILLIS) return 'live';
      if (quietMillis < LIVE_MILLIS && !this.#lastFailed) return 'live';
    }
    return this.#lastFailed || (this.openAnswers > 0 && !this.#hasEnded) ? 'failed' : 'ended';
  }

  /** Takes an entry, places it in its block, and counts it. */
  add(entry: Entry, activeMillis: number): void {
    this.entries.push(entry);
    this.bytes += entry.bytes;
    this.sources.add(entry.source);
    this.version = entry.seq;
    this.firstMillis = Math.min(this.firstMillis, entry.millis);
    this.lastMillis = Math.max(this.lastMillis, entry.millis);
    this.activeMillis = Math.max(this.activeMillis, activeMillis);
    this.#hasEnded = false;
    this.#count(entry);
    const isError = entry.kind === 'error' || entry.data.severityNumber >= ERROR_SEVERITY;
    if (isError) this.errors += 1;
    if (entry.isChat) this.#addChat(entry);
    else {
      this.#begin(entry, 'log').isFailed = isError;
      this.#lastFailed = isError;
    }
    this.#changes.note(entry.block, entry.seq);
  }

  #count({ data, isChat, kind }: Entry): void {
    const { attributes } = data;
    this.inputTokens += tokensIn(attributes['gen_ai.usage.input_tokens']);
    this.outputTokens += tokensIn(attributes['gen_ai.usage.output_tokens']);
    if (isChat && kind === 'text') this.chunks += chunksOf(data);
    const service = data.origin.resource['service.name'];
    if (typeof service === 'string' && this.services.size < 16) this.services.add(service.slice(0, MAX_SERVICE));
  }

  #addChat(entry: Entry): void {
    const role = roleOf(entry.data);
    if (role !== undefined && role !== 'assistant') {
      this.#goOnFrom(this.#begin(entry, 'message'), entry.seq);
      this.#lastFailed = false;
      return;
    }
    const id = entry.data.attributes[ATTRIBUTE.streamId];
    const streamId = typeof id === 'string' ? id : '';
    const stream = this.#streamFor(entry, streamId);
    const { block } = stream;
    block.entries.push(entry);
    entry.block = block;
    stream.open = afterKind(stream.open, entry.kind);
    this.#place(entry, stream);
    this.#goOnFrom(block, entry.seq);
    const reasons = finishReasonsOf(entry.data);
    if (reasons.length > 0) block.finishReasons = reasons;
    if (entry.kind === 'error' || isBroken(reasons)) block.isFailed = true;
    this.#lastFailed = block.isFailed;
    // A record merged from chunks has no mark: its finish reasons are the end of the answer.
    if (entry.kind === 'stream-end' || (entry.kind === 'text' && reasons.length > 0)) {
      block.isOpen = false;
      this.#streams.delete(streamId);
    }
  }

  /** This is the newest chat. Text without marks and stream that stood before it does not go on any more. */
  #goOnFrom(block: Block, seq: number): void {
    const before = this.#lastChat;
    this.#lastChat = block;
    if (before === undefined || before === block || !before.isOpen || before.isMarked || before.streamId !== undefined)
      return;
    before.isOpen = false;
    this.#changes.note(before, seq);
  }

  /** The stream that the entry goes on with, or begins. */
  #streamFor(entry: Entry, streamId: string): Stream {
    const known = this.#streams.get(streamId);
    if (known !== undefined && this.#goesOn(entry, known, streamId)) {
      if (this.#isBehindGap(entry, known)) this.#continueBelow(entry, known);
      return known;
    }
    if (known !== undefined) {
      known.block.isOpen = false;
      if (known.block.isMarked) {
        known.block.finishReasons = ['abandoned'];
        known.block.isFailed = true;
      }
      this.#changes.note(known.block, entry.seq);
    }
    const isMarked = entry.kind === 'stream-start';
    const block = this.#newBlock(entry, 'answer', { streamId: streamId === '' ? undefined : streamId, isMarked });
    const stream: Stream = { block, open: 0, part: 'text' };
    this.#streams.set(streamId, stream);
    return stream;
  }

  #goesOn(entry: Entry, stream: Stream, streamId: string): boolean {
    if (entry.kind === 'stream-start') {
      // The rule of the main package: after a tool call a start goes on with the open answer.
      return streamId === '' ? startIn(stream.open) === 'goes-on' : stream.block.isMarked;
    }
    // Text without marks goes on as long as nothing else was said; logs in between do not part it.
    return stream.block.isMarked || streamId !== '' || stream.block === this.#lastChat;
  }

  /** Whether something is missing between the entry and what stands in the block. Nothing is to be read behind an end alone. */
  #isBehindGap({ kind }: Entry, { block }: Stream): boolean {
    return kind !== 'stream-end' && (block.entries.at(-1)?.seq ?? this.#gapAt) < this.#gapAt;
  }

  /** What follows a gap stands below it: the answer goes on in a block of its own. */
  #continueBelow(entry: Entry, stream: Stream): void {
    const { block } = stream;
    block.isOpen = false;
    this.#changes.note(block, entry.seq);
    stream.block = this.#newBlock(entry, 'answer', block, true);
    stream.block.isFailed = block.isFailed;
    if (this.#lastChat === block) this.#lastChat = stream.block;
  }

  #place(entry: Entry, stream: Stream): void {
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

  #begin(entry: Entry, type: BlockType): Block {
    const block = this.#newBlock(entry, type, { streamId: undefined, isMarked: false });
    block.entries.push(entry);
    block.isOpen = false;
    entry.block = block;
    entry.part = 'text';
    return block;
  }

  #newBlock(
    { data, millis, seq }: Entry,
    type: BlockType,
    { streamId, isMarked }: Pick<Block, 'streamId' | 'isMarked'>,
    isContinued = false,
  ): Block {
    const role = type === 'message' || type === 'answer' ? roleOf(data) : undefined;
    return this.#pushBlock({ type, streamId, role, isMarked, isContinued, millis, missing: 0, reason: '' }, seq);
  }

  #pushBlock(
    fields: Pick<Block, 'type' | 'streamId' | 'role' | 'isMarked' | 'isContinued' | 'millis' | 'missing' | 'reason'>,
    changedAt: number,
  ): Block {
    const block: Block = {
      id: this.#numbers.nextBlock(),
      ...fields,
      entries: [],
      isOpen: true,
      isFailed: false,
      finishReasons: [],
      changedAt,
      changedBefore: undefined,
      changedAfter: undefined,
    };
    this.blocks.push(block);
    this.#changes.note(block, changedAt);
    return block;
  }

  /** The blocks that changed behind the cursor, in the order in which they began. */
  changedSince(cursor: number): Block[] {
    return this.#changes.behind(cursor);
  }

  /** Entries are missing here. @param count -1 when their number is not known. */
  addGap(count: number, reason: string, millis: number): void {
    this.missing += Math.max(0, count);
    this.#gapAt = this.#addMark('gap', count, reason, millis);
  }

  /** The session ended: what comes later is its next life. */
  end(millis: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#addMark('end', 0, '', millis);
    // Nothing of the next life goes on with what stands above the mark.
    for (const { block } of this.#streams.values()) {
      block.isOpen = false;
      this.#changes.note(block, this.version);
    }
    this.#streams.clear();
    this.#lastChat = undefined;
  }

  /** @returns Its cursor. */
  #addMark(type: 'gap' | 'end', missing: number, reason: string, millis: number): number {
    const seq = this.#numbers.nextSeq();
    const none = { streamId: undefined, role: undefined, isMarked: false, isContinued: false } as const;
    this.#pushBlock({ type, ...none, millis, missing, reason }, seq).isOpen = false;
    this.version = seq;
    return seq;
  }

  /** The entries up to this one have reached the collector. */
  markDelivered(seq: number, millis: number): void {
    if (this.delivered !== undefined && seq <= this.delivered.seq) return;
    this.delivered = { seq, millis };
    this.version = this.#numbers.nextSeq();
  }

  /** The newest entry that the application has given this id or a lower one. */
  seqOfId(id: string): number | undefined {
    for (let at = this.entries.length - 1; at >= 0; at -= 1) {
      const entry = this.entries[at] as Entry;
      if (entry.id !== '' && entry.id <= id) return entry.seq;
    }
    return undefined;
  }

  /** Forgets its oldest blocks, at least this many entries, and never the newest block. @returns The number of entries. */
  trim(count: number): number {
    let dropped = 0;
    let blocks = 0;
    for (const block of this.blocks) {
      if (dropped >= count || blocks >= this.blocks.length - 1) break;
      dropped += block.entries.length;
      blocks += 1;
    }
    if (dropped === 0) return this.#trimBlock(count);
    const gone = new Set(this.blocks.splice(0, blocks));
    for (const block of gone) this.#changes.forget(block);
    if (this.#lastChat !== undefined && gone.has(this.#lastChat)) this.#lastChat = undefined;
    this.#keepEntries((entry) => !gone.has(entry.block));
    for (const [id, { block }] of this.#streams) if (gone.has(block)) this.#streams.delete(id);
    return this.#noteTrimmed(dropped);
  }

  /** All of it is one endless block: its oldest entries go. */
  #trimBlock(count: number): number {
    const [block] = this.blocks;
    const dropped = new Set(block?.entries.splice(0, Math.min(count, (block?.entries.length ?? 0) - 1)));
    this.#keepEntries((entry) => !dropped.has(entry));
    return this.#noteTrimmed(dropped.size);
  }

  #keepEntries(isKept: (entry: Entry) => boolean): void {
    let at = 0;
    for (const entry of this.entries) {
      if (isKept(entry)) this.entries[at++] = entry;
      else this.bytes -= entry.bytes;
    }
    this.entries.length = at;
  }

  #noteTrimmed(dropped: number): number {
    this.trimmed += dropped;
    this.version = this.#numbers.nextSeq();
    return dropped;
  }
}

function tokensIn(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
