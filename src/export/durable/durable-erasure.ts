import { join } from 'node:path';

import { addParts } from '../../entry/erasure.ts';
import type { ErasedPart, SessionHolder } from '../../entry/erasure.ts';
import { messageOf, SessionLogsError } from '../../support/errors.ts';
import type { Reporter } from '../../support/reporter.ts';
import { sleep } from '../../support/timers.ts';
import { eraseSessionIn } from '../delivery/erase-session.ts';
import type { RecordDelivery } from '../delivery/record-delivery.ts';
import { markedBy } from '../erasure/erasure-marks.ts';
import type { ErasureMark, ErasureMarks } from '../erasure/erasure-marks.ts';
import { totalOf } from '../spool/erase-frames.ts';
import type { RecordMatcher } from '../spool/erase-frames.ts';
import { DeadOwnersErasure } from '../spool/erase-owners.ts';
import type { OwnerDirectory } from '../spool/owner-directory.ts';
import { OwnerWatch } from '../spool/owner-watch.ts';
import type { Spool } from '../spool/spool.ts';
import { DEAD_DIRECTORY } from './dead-letters.ts';
import { eraseDeadLetters } from './erase-dead-letters.ts';

/** How long other processes have to answer. */
export const OTHERS_MILLIS = 5_000;
const LOOK_MILLIS = 20;

/**
 * Erases sessions in the spool of this process and in everything that dead processes left in the root; asks living
 * processes to do the same.
 */
export class DurableErasure {
  readonly #root: string;
  readonly #marks: ErasureMarks;
  readonly #delivery: RecordDelivery<Spool>;
  readonly #reporter: Reporter;
  /** Holders of text in front of this processor. */
  readonly holders: Set<SessionHolder> = new Set();
  #answering: Promise<void> = Promise.resolve();

  constructor(root: string, marks: ErasureMarks, delivery: RecordDelivery<Spool>, reporter: Reporter) {
    this.#root = root;
    this.#marks = marks;
    this.#delivery = delivery;
    this.#reporter = reporter;
  }

  /** @throws SessionLogsError `erasure_incomplete`. */
  async eraseSession(sessionId: string): Promise<ErasedPart> {
    const mark = this.#marks.add(sessionId, OTHERS_MILLIS);
    const root = this.#root;
    const own = this.#eraseOwn(sessionId, mark);
    const outside = this.#delivery.spool.withoutAdopting((owner) =>
      eraseOutside({ root, owner, watch: new OwnerWatch(root), marks: this.#marks, mark, sessionId }),
    );
    const done = await Promise.allSettled([own, outside]);
    // Only now, because what was being exported may have been rejected meanwhile.
    const dead = await eraseDead(root, matcherOf(sessionId));
    const parts = done.map((each) => {
      if (each.status === 'rejected') throw incomplete(root, each.reason);
      return each.value;
    });
    return addParts([...parts, dead]);
  }

  async #eraseOwn(sessionId: string, mark: ErasureMark): Promise<ErasedPart> {
    const part = await eraseSessionIn(this.#delivery, sessionId);
    // A process that takes over from this one must not erase, because of the mark, what a new session of that id wrote.
    const owner = this.#delivery.spool.ownerId;
    if (owner !== undefined) this.#marks.answer(mark, { owner });
    return part;
  }

  /** Carries out the marks of other processes and answers them. Never throws. */
  look(): void {
    const fresh = this.#marks.look();
    if (fresh.length === 0) return;
    this.#answering = this.#answering.then(() => this.#answerAll(fresh));
  }

  async #answerAll(marks: readonly ErasureMark[]): Promise<void> {
    for (const mark of marks) {
      try {
        await this.#answer(mark);
      } catch (error) {
        const message =
          'a session that another process erased could not be erased in the spool of this process: erase it again';
        this.#reporter.limited('erase', message, error);
      }
    }
  }

  async #answer(mark: ErasureMark): Promise<void> {
    const delivery = this.#delivery;
    const isMarked = markedBy([mark]);
    const isLate = Date.now() > mark.untilMillis;
    const matcher: RecordMatcher = {
      isErased: (id, writtenMillis) => (!isLate || writtenMillis <= mark.untilMillis) && isMarked(id),
    };
    // Later, held text may belong to a new session.
    if (!isLate) for (const holder of this.holders) holder.forget(isMarked);
    const { records, unanswered } = await delivery.erase(matcher);
    const { counts } = await eraseDeadLetters(join(this.#root, DEAD_DIRECTORY), matcher);
    const owner = delivery.spool.ownerId;
    if (owner === undefined) return;
    const { exportedSessions } = delivery.ledger;
    const exported = exportedSessions.find(isMarked);
    this.#marks.answer(mark, {
      owner,
      spool: { records: totalOf(records) },
      dead: { records: totalOf(counts) },
      unanswered: totalOf(unanswered),
      ...(exported === undefined ? {} : { exported: exportedSessions.of(exported) }),
    });
  }
}

/** What is erased outside this process's own spool. */
interface OutsideErasure {
  readonly root: string;
  /** The living owner of this process. */
  readonly owner: OwnerDirectory;
  readonly watch: OwnerWatch;
  readonly marks: ErasureMarks;
  readonly mark: ErasureMark;
  readonly sessionId: string;
}

/**
 * Erases what dead owners left, and waits for living ones, which the mark asks. @throws SessionLogsError
 * `erasure_incomplete`.
 */
export async function eraseOutside({
  root,
  owner,
  watch,
  marks,
  mark,
  sessionId,
}: OutsideErasure): Promise<ErasedPart> {
  const dead = new DeadOwnersErasure(root, owner, watch, matcherOf(sessionId));
  const deadline = performance.now() + OTHERS_MILLIS;
  let silent: string[];
  for (;;) {
    // Checking an owner knocks at its socket, at which the owner looks at the marks.
    const others = await dead.run();
    marks.refresh();
    const answered = new Set(marks.answersTo(mark).map((answer) => answer.owner));
    silent = others.filter((id) => !answered.has(id));
    if (silent.length === 0 || performance.now() > deadline) break;
    await sleep(LOOK_MILLIS);
  }
  const { failure } = dead;
  if (failure !== undefined) throw incomplete(root, failure);
  const { records, files } = dead.newer;
  const newer = `${records} records in ${files} files of the spool ${root} that a newer version of this package wrote: erase the session with that version`;
  return addParts([
    { spool: { records: dead.records }, otherProcesses: silent.length, remains: files === 0 ? [] : [newer] },
    ...marks.answersTo(mark),
  ]);
}

/** Erases rejected records. @throws SessionLogsError `erasure_incomplete`. */
export async function eraseDead(root: string, matcher: RecordMatcher): Promise<ErasedPart> {
  const directory = join(root, DEAD_DIRECTORY);
  try {
    const { counts, newerFiles } = await eraseDeadLetters(directory, matcher);
    const newer = `${newerFiles} files in ${directory} that a newer version of this package wrote: erase the session with that version`;
    return { dead: { records: totalOf(counts) }, remains: newerFiles === 0 ? [] : [newer] };
  } catch (error) {
    throw incomplete(directory, error);
  }
}

export function matcherOf(sessionId: string): RecordMatcher {
  return { sessionId, isErased: (id) => id === sessionId };
}

function incomplete(place: string, cause: unknown): SessionLogsError {
  if (cause instanceof SessionLogsError) return cause;
  const message = `records of the session could not be erased in ${place}: ${messageOf(cause)}. Call it again`;
  return new SessionLogsError('erasure_incomplete', message, { cause });
}
