import { uptime } from 'node:os';

export const DAY_MILLIS = 86_400_000;

/** The largest correction of the clock that is not a jump, where age counts in days. */
const JUMP_MILLIS = 3_600_000;

/**
 * State of a wall clock. `steady`: for a day it has kept pace with the time since the computer started. `new`: it has
 * done so since this process began, which is less than a day. `jumped`: it was set within the last day.
 */
export type ClockState = 'steady' | 'new' | 'jumped';

/** The result of a look at the wall clock. */
export interface ClockLook {
  readonly state: ClockState;
  /** The time that it showed. */
  readonly millis: number;
}

/** A difference between both clocks, and since when it has lasted. */
interface Course {
  offset: number;
  readonly since: number;
}

/**
 * Compares a wall clock with one that nobody sets, so that nothing is destroyed on the word of one clock: after a jump
 * of the wall clock, the new time counts only after it has lasted for a day. If the clock comes back before that,
 * nothing has happened.
 *
 * The other clock is the time since the computer started, which, unlike `performance.now()`, goes on while the computer
 * sleeps: a laptop that was closed overnight has not jumped.
 */
export class ClockWatch {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #jumpMillis: number;
  #course: Course;
  /** The difference after a jump, until it is believed. */
  #suspect: Course | undefined;

  /** @param jumpMillis The largest correction that is not a jump. */
  constructor(wall: () => number, monotonic: () => number = uptimeMillis, jumpMillis: number = JUMP_MILLIS) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#jumpMillis = jumpMillis;
    const since = monotonic();
    this.#course = { offset: wall() - since, since };
  }

  /** Looks at both clocks. Call it before each use, because a jump is seen only while it lasts. */
  look(): ClockLook {
    const at = this.#monotonic();
    const millis = this.#wall();
    return { state: this.#stateAt(at, millis - at), millis };
  }

  #stateAt(at: number, offset: number): ClockState {
    if (this.#isNear(this.#course, offset)) {
      this.#suspect = undefined;
      // Clocks drift by a few seconds a day, which must not add up to a jump.
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
