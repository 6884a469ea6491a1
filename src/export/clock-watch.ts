import { uptime } from 'node:os';

export const DAY_MILLIS = 86_400_000;

/** A correction of the clock up to this size is no jump where age counts in days. */
const JUMP_MILLIS = 3_600_000;

/**
 * What is known of a wall clock. `steady`: for a day it has gone as fast as the time since the computer was started.
 * `new`: it has done so since this process began. `jumped`: it was set within the last day.
 */
export type ClockState = 'steady' | 'new' | 'jumped';

/** What a look at the wall clock found. */
export interface ClockLook {
  readonly state: ClockState;
  /** The time that it showed. */
  readonly millis: number;
}

/** The difference between both clocks, and since when it has been that. */
interface Course {
  offset: number;
  readonly since: number;
}

/**
 * Compares a wall clock with one that nobody sets, so that nothing is destroyed on the word of one clock: where the wall
 * clock jumps, the new time counts only after it has stood for a day. When it comes back before that, nothing has happened.
 *
 * The other clock is the time since the computer was started, which unlike `performance.now()` goes on while the computer
 * sleeps: a laptop that was closed overnight has not jumped.
 */
export class ClockWatch {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #jumpMillis: number;
  #course: Course;
  /** The course after a jump, until it is believed. */
  #suspect: Course | undefined;

  /** @param jumpMillis A correction up to this size is no jump. */
  constructor(wall: () => number, monotonic: () => number = uptimeMillis, jumpMillis: number = JUMP_MILLIS) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#jumpMillis = jumpMillis;
    const since = monotonic();
    this.#course = { offset: wall() - since, since };
  }

  /** Looks at both clocks. A jump between two looks is seen as long as it lasts, so it has to be called before each use. */
  look(): ClockLook {
    const at = this.#monotonic();
    const millis = this.#wall();
    return { state: this.#stateAt(at, millis - at), millis };
  }

  #stateAt(at: number, offset: number): ClockState {
    if (this.#isNear(this.#course, offset)) {
      this.#suspect = undefined;
      // Clocks drift a few seconds a day, which must not add up to a jump.
      this.#course.offset = offset;
      return at - this.#course.since < DAY_MILLIS ? 'new' : 'steady';
    }
    if (this.#suspect === undefined || !this.#isNear(this.#suspect, offset)) this.#suspect = { offset, since: at };
    this.#suspect.offset = offset;
    if (at - this.#suspect.since < DAY_MILLIS) return 'jumped';
    this.#course = this.#suspect;
    this.#suspect = undefined;
    return 'steady';
  }

  #isNear(course: Course, offset: number): boolean {
    return Math.abs(offset - course.offset) <= this.#jumpMillis;
  }
}

function uptimeMillis(): number {
  try {
    return uptime() * 1000;
  } catch {
    // A sandbox may hide it.
    return performance.now();
  }
}
