import { isChat, kindOf } from '../../entry/entry-detail.ts';
import type { StreamState } from '../session-store.ts';
import { answerAround, walk } from './answers.ts';
import { LatestAnswer, LifeFinder } from './life-finder.ts';
import { CallFailed } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { StoredItem } from './stored-item.ts';

/**
 * How the latest answer of the session's current life stands, as the log shows it. One whose producer is gone ends here, if its
 * lease has lapsed: until somebody looks, nobody appends its end.
 *
 * @param isOpenHere This process writes one without a stream id: of that nothing but text may be left in the log.
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

/** Whether the answers were ended whose producers are gone. A client that may only read cannot: to it they go on. */
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
  // Where the life is there from its beginning on, no start was evicted.
  if (walked === 'stopped' || !finder.beginsInMidLine) return 'none';
  return rest.state === 'none' && isOpenHere ? 'running' : rest.state;
}

/** Answers whose starts were evicted, met newest entry first. */
class RestOfAnswers {
  /** Of each stream id whether it has ended since. */
  readonly #named = new Map<string, boolean>();
  #hasEndedUnnamed = false;
  #isOver = false;

  /** What runs is told by its stream id, what is over by its end. Text alone may as well belong to no answer. */
  get state(): StreamState {
    const named = [...this.#named.values()];
    if (named.includes(false)) return 'running';
    return this.#hasEndedUnnamed || named.length > 0 ? 'finished' : 'none';
  }

  meet(item: StoredItem): void {
    // Of an older life, unless it ends the current one.
    if (item.isMark) this.#isOver = true;
    const { entry } = item;
    if (entry === undefined || !isChat(entry.detail)) return;
    const isEnd = kindOf(entry.detail) === 'stream-end';
    const streamId = entry.detail?.streamId;
    if (streamId === undefined) this.#hasEndedUnnamed ||= isEnd;
    else if (!this.#named.has(streamId)) this.#named.set(streamId, isEnd || this.#isOver);
  }
}
