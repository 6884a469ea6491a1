import type { BlockChange, BlockQuery, ReplayStep } from '../../../src/serve/protocol.ts';
import { withBlocks } from '../blocks.ts';
import type { Conversation } from '../blocks.ts';

export const SPEEDS = [1, 2, 4, 16] as const;
export type Speed = (typeof SPEEDS)[number];

/** A longer pause of the session is shortened to this: nobody wants to wait a night for the next question. */
export const MAX_PAUSE_MILLIS = 3_000;
/** The conversation is kept after each group of this many steps, so that no step is farther away from a kept one. */
const STEPS_PER_CHECKPOINT = 500;

const NOTHING: Conversation = { blocks: [], hasOlder: false, isGone: false };

/**
 * A session that is played again, with its long pauses shortened. So a position has two numbers: milliseconds of the replay, and
 * milliseconds since the session began, which the address keeps.
 */
export class Replay {
  readonly durationMillis: number;
  readonly startMillis: number;
  readonly #steps: readonly ReplayStep[];
  /** For each step: when it is played, and when it happened. */
  readonly #playedAt: Float64Array;
  readonly #tookAt: Float64Array;
  readonly #checkpoints: Conversation[] = [NOTHING];
  #last: { readonly count: number; readonly conversation: Conversation } = { count: 0, conversation: NOTHING };

  constructor(steps: readonly ReplayStep[]) {
    this.#steps = steps;
    this.startMillis = steps[0]?.millis ?? 0;
    this.#playedAt = new Float64Array(steps.length);
    this.#tookAt = new Float64Array(steps.length);
    let [took, played] = [0, 0];
    for (const [at, { millis }] of steps.entries()) {
      // Entries that did not come in the order of their times are played at once.
      const pause = Math.max(0, millis - this.startMillis - took);
      took += pause;
      played += Math.min(pause, MAX_PAUSE_MILLIS);
      this.#tookAt[at] = took;
      this.#playedAt[at] = played;
    }
    this.durationMillis = played;
  }

  get length(): number {
    return this.#steps.length;
  }

  /** How many steps have been played by then. */
  countAt(playedMillis: number): number {
    return upTo(this.#playedAt, playedMillis);
  }

  /** When the step of that number (from 1) is played. */
  timeOfCount(count: number): number {
    return count <= 0 ? 0 : (this.#playedAt[Math.min(count, this.length) - 1] ?? 0);
  }

  /** Milliseconds of the session, as the address has them. */
  sessionMillisAt(playedMillis: number): number {
    return between(this.#playedAt, this.#tookAt, playedMillis);
  }

  /** Milliseconds of the replay. */
  playedMillisAt(sessionMillis: number): number {
    return between(this.#tookAt, this.#playedAt, sessionMillis);
  }

  /** The session as it was after so many steps. */
  conversationAt(count: number): Conversation {
    if (count < this.#last.count || count - this.#last.count > STEPS_PER_CHECKPOINT) {
      const nearest = Math.min(Math.floor(count / STEPS_PER_CHECKPOINT), this.#checkpoints.length - 1);
      this.#last = { count: nearest * STEPS_PER_CHECKPOINT, conversation: this.#checkpoints[nearest] ?? NOTHING };
    }
    while (this.#last.count < count) this.#advance(count);
    return this.#last.conversation;
  }

  #advance(count: number): void {
    const from = this.#last.count;
    const next = Math.min(count, (Math.floor(from / STEPS_PER_CHECKPOINT) + 1) * STEPS_PER_CHECKPOINT);
    const blocks: BlockChange[] = this.#steps.slice(from, next).flatMap(({ changes }) => changes);
    const conversation = withBlocks(this.#last.conversation, { key: '', blocks });
    this.#last = { count: next, conversation };
    if (next % STEPS_PER_CHECKPOINT === 0) this.#checkpoints[next / STEPS_PER_CHECKPOINT] = conversation;
  }
}

/** The blocks of a replay that the filters let through. In a live session, the server has applied them. */
export function filtered(
  conversation: Conversation,
  { logType, severity }: { readonly logType: BlockQuery['logType']; readonly severity: number },
): Conversation {
  if (logType === 'all' && severity === 0) return conversation;
  const isShown = ({ type, severityNumber = 0 }: BlockChange): boolean => {
    if (type === 'gap' || type === 'end') return true;
    return type === 'log' ? logType !== 'chat' && severityNumber >= severity : logType !== 'log';
  };
  return { ...conversation, blocks: conversation.blocks.filter(isShown) };
}

/** How many of the times, which never decrease, are not after this one. */
function upTo(times: Float64Array, millis: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) <= millis) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Converts a time of one clock to another one that has a time for the same steps. */
function between(from: Float64Array, to: Float64Array, millis: number): number {
  const count = upTo(from, millis);
  if (count === 0) return 0;
  const [at, then] = [from[count - 1] ?? 0, to[count - 1] ?? 0];
  const [nextAt, nextThen] = [from[count] ?? at, to[count] ?? then];
  return nextAt === at ? then : then + ((millis - at) / (nextAt - at)) * (nextThen - then);
}
