import type { EntryKind } from '../formats.ts';
import type { LogData } from './log-data.ts';

/** Which part of an answer a text stands in. `mark`: it is a mark, and stands in none. */
export type Part = 'text' | 'reasoning' | 'tool' | 'error' | 'mark';

/** Who says what stands in a block, where the record tells. */
export type Role = 'user' | 'system' | 'assistant' | 'tool';

/** A record, held in a session. */
export interface Entry {
  /** Its number in the order of arrival over all sessions; the cursor of pages. */
  readonly seq: number;
  /** The key of its session. */
  readonly session: string;
  /** Its id in the application, where the source tells it; else `''`. Ids of one session sort as text in the order logged. */
  readonly id: string;
  readonly data: LogData;
  readonly kind: EntryKind;
  /** Whether the user of the session sees it, or the operator. */
  readonly isChat: boolean;
  readonly text: string;
  /** Milliseconds since the epoch: of the record, else of its arrival. */
  readonly millis: number;
  /** The number of the source that it came from first. */
  readonly source: number;
  /** About what it takes of memory. */
  readonly bytes: number;
  /** Where it stands; set when it is placed. */
  block: Block;
  part: Part;
}

/**
 * - `answer`: chat text that belongs together, with marks or without.
 * - `message`: what somebody says in one record: the user, the system, a tool.
 * - `log`: a record for the operator.
 * - `gap`: entries are missing there, because of a bound or of damage.
 * - `end`: the session ended there; what follows is its next life.
 */
export type BlockType = 'answer' | 'message' | 'log' | 'gap' | 'end';

/** What stands together in a session, as a page shows it. */
export interface Block {
  /** Its number over all sessions; they grow in the order in which blocks begin. */
  readonly id: number;
  readonly type: BlockType;
  readonly streamId: string | undefined;
  readonly role: Role | undefined;
  /** Whether a mark began it, so that a mark ends it. */
  readonly isMarked: boolean;
  /** Whether it goes on with an answer that stands above a gap. */
  readonly isContinued: boolean;
  readonly millis: number;
  /** In the order of arrival; none of a gap or an end. */
  readonly entries: Entry[];
  /** Of an answer: whether more of it is to come. */
  isOpen: boolean;
  /** Whether it broke off, or is an error. */
  isFailed: boolean;
  finishReasons: readonly string[];
  /** Of a gap: how many entries are missing, -1 when that is not known; and why. */
  readonly missing: number;
  readonly reason: string;
  /** The cursor at which it changed last. */
  changedAt: number;
  /** Its neighbours in the order in which the blocks of the session changed last. */
  changedBefore: Block | undefined;
  changedAfter: Block | undefined;
}

/** Reasons of an answer that broke off. One that was stopped (`aborted`) ended as its user wanted. */
const BROKEN: ReadonlySet<string> = new Set(['error', 'abandoned']);

export function isBroken(reasons: readonly string[]): boolean {
  return reasons.some((reason) => BROKEN.has(reason));
}

/** Stands in an entry that is not placed yet. */
export const NO_BLOCK: Block = {
  id: 0,
  type: 'log',
  streamId: undefined,
  role: undefined,
  isMarked: false,
  isContinued: false,
  millis: 0,
  entries: [],
  isOpen: false,
  isFailed: false,
  finishReasons: [],
  missing: 0,
  reason: '',
  changedAt: 0,
  changedBefore: undefined,
  changedAfter: undefined,
};
