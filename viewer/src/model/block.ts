import type { EntryKind } from '../formats.ts';
import type { LogData } from './log-data.ts';

/** The part of an answer that an entry belongs to. `mark`: the entry is a mark, and belongs to none. */
export type Part = 'text' | 'reasoning' | 'tool' | 'error' | 'mark';

/** Who says the text of a block, if the record tells. */
export type Role = 'user' | 'system' | 'assistant' | 'tool';

/** A record, held in a session. */
export interface Entry {
  /** Its number in the order of arrival over all sessions; the cursor of pages. */
  readonly seq: number;
  /** The key of its session. */
  readonly session: string;
  /**
   * Its id in the application, or `''` if the source does not tell it. The ids of a session, sorted as text, are in the order
   * logged.
   */
  readonly id: string;
  readonly data: LogData;
  readonly kind: EntryKind;
  /** Whether it is for the user of the session; otherwise it is for the operator. */
  readonly isChat: boolean;
  readonly text: string;
  /** Milliseconds since the epoch: the time of the record, or else of its arrival. */
  readonly millis: number;
  /** The number of its source. */
  readonly source: number;
  /** About how much memory it takes. */
  readonly bytes: number;
  /** The block that it belongs to; set when the entry is placed. */
  block: Block;
  part: Part;
}

/**
 * - `answer`: chat text that belongs together, with marks or without.
 * - `message`: what somebody says in one record: the user, the system, a tool.
 * - `log`: a record for the operator.
 * - `gap`: entries are missing there, because of a bound or damage.
 * - `end`: the session ended there; what follows is its next life.
 */
export type BlockType = 'answer' | 'message' | 'log' | 'gap' | 'end';

/** Entries of a session that a page shows as one. */
export interface Block {
  /** Its number, counted over all sessions: a block that begins later has a higher one. */
  readonly id: number;
  readonly type: BlockType;
  readonly streamId: string | undefined;
  readonly role: Role | undefined;
  /** Whether it began with a mark, so that it ends with one. */
  readonly isMarked: boolean;
  /** Whether it continues an answer from above a gap. */
  readonly isContinued: boolean;
  readonly millis: number;
  /** In the order of arrival. A gap and an end have none. */
  readonly entries: Entry[];
  /** Of an answer: whether more of it may come. */
  isOpen: boolean;
  /** Whether it broke off, or is an error. */
  isFailed: boolean;
  finishReasons: readonly string[];
  /** Of a gap: how many entries are missing (-1 if that is not known), and why. */
  readonly missing: number;
  readonly reason: string;
  /** The cursor of its last change. */
  changedAt: number;
  /** Its neighbours in the list of `ChangeOrder`. */
  changedBefore: Block | undefined;
  changedAfter: Block | undefined;
}

/** Finish reasons of an answer that broke off. `aborted` is not one of them: somebody stopped that answer. */
const BROKEN: ReadonlySet<string> = new Set(['error', 'abandoned']);

export function isBroken(reasons: readonly string[]): boolean {
  return reasons.some((reason) => BROKEN.has(reason));
}

/** The block of an entry that is not placed yet. */
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
