import { isChat, kindOf } from '../../entry/entry-detail.ts';
import type { StreamState } from '../session-store.ts';
import { answerAround, walk } from './answers.ts';
import { LatestAnswer, LifeFinder } from './life-finder.ts';
import { CallFailed } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { StoredItem } from './stored-item.ts';

/**
 * The state of the latest answer in the session's current life, as the log shows it. If its producer is gone and its
 * lease has lapsed, this call ends the answer: until somebody looks, nobody appends its end.
 *
 * @param isOpenHere Whether this process is writing an answer without a stream id, of which the log may hold only text.
 */
export async function latestAnswerState(
  reads: RemoteReads,
  session: string,
  isOpenHere: boolean,
): Promise<StreamState> {
  const state = await look(reads, session, isOpenHere);
  if (state !== 'running' || !(await canLapse(reads, session))) return state;
  return look(reads, session, isOpenHere);
}

/**
 * Ends answers whose producers are gone; returns whether it could. A client that may only read cannot: for it, they go
 * on.
 */
async function canLapse(reads: RemoteReads, session: string): Promise<boolean> {
  try {
    await reads.lapse(session);
    return true;
  } catch (error) {
    if (error instanceof CallFailed && error.cause instanceof RemoteRefusal && error.cause.isFinal) return false;
    throw error;
  }
}

async function look(reads: RemoteReads, session: string, isOpenHere: boolean): Promise<StreamState> {
  const latest = new LatestAnswer();
  const finder = new LifeFinder(latest);
  const rest = new RestOfAnswers();
  const walked = await walk(reads, session, 'back', undefined, (item) => {
    const answer = finder.meet(item);
    rest.meet(item);
    return answer;
  });
  const { start } = latest;
  if (start !== undefined) return (await answerAround(reads, session, start.id)).state;
  // If the life is complete from its beginning, no start was evicted.
  if (walked === 'stopped' || !finder.beginsInMidLine) return 'none';
  return rest.state === 'none' && isOpenHere ? 'running' : rest.state;
}

/** Answers whose starts were evicted; it meets the newest entry first. */
class RestOfAnswers {
  /** Whether the answer of each stream id has ended. */
  readonly #named = new Map<string, boolean>();
  #hasEndedUnnamed = false;
  #isOver = false;

  /** A stream id shows a running answer, an end a finished one. Text alone may belong to no answer. */
  get state(): StreamState {
    const named = [...this.#named.values()];
    if (named.includes(false)) return 'running';
    return this.#hasEndedUnnamed || named.length > 0 ? 'finished' : 'none';
  }

  meet(item: StoredItem): void {
    // The mark ends an older life, unless it is the newest item.
    if (item.isMark) this.#isOver = true;
    const { entry } = item;
    if (entry === undefined || !isChat(entry.detail)) return;
    const isEnd = kindOf(entry.detail) === 'stream-end';
    const streamId = entry.detail?.streamId;
    if (streamId === undefined) this.#hasEndedUnnamed ||= isEnd;
    else if (!this.#named.has(streamId)) this.#named.set(streamId, isEnd || this.#isOver);
  }
}
