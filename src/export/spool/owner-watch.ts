import { join } from 'node:path';

import { startTimer } from '../../support/timers.ts';
import { readBeat } from './heartbeat.ts';
import { Liveness } from './liveness.ts';
import { readDirectory } from './owner-directory.ts';
import { hostOf } from '../owner-host.ts';

/** An owner without a beat for this long is dead. It is six beats. */
const SILENCE_MILLIS = 60_000;

/**
 * The most time that counts between two looks. In a longer pause, this process was stopped or the computer slept, and
 * the owner may have slept too.
 */
const MAX_PAUSE_MILLIS = 20_000;
/** How often `decide` looks. */
const LOOK_INTERVAL_MILLIS = 5_000;

/** State of an owner. `waiting`: it is not yet known whether it lives. */
export type OwnerState = 'alive' | 'dead' | 'waiting';

/** Observations of an owner's heartbeat, on the clock of this process. */
interface Course {
  value: string;
  hasBeaten: boolean;
  silentMillis: number;
  lookedAt: number;
}

/**
 * The one rule that decides whether the owner of a directory lives, even if that owner runs on another host, in another
 * container or ran before the computer was restarted.
 *
 * 1. Its socket accepts a connection: it is alive, wherever it runs. Nobody else can listen there.
 * 2. The connection is refused, or there is no socket:
 *    - The owner ran where this process runs, by the key of `owner-host.ts`: it is dead. Among those the kernel is the
 *      judge.
 *    - It has given its directory up and closed its files: it is dead.
 *    - Otherwise the socket says nothing. Another kernel cannot reach it, nor a container that has mounted the volume
 *      by itself. The owner is dead when its heartbeat has not changed for 60 s, and alive when it has changed. The
 *      same goes for an owner that does not say where it runs.
 * 3. Any other failure of the connection (no right, a full backlog): it is alive.
 *
 * A heartbeat's content is compared with what this process saw before, on its own monotonic clock, because the clocks
 * of two hosts may differ. So a process that begins to look has to wait for those 60 s.
 *
 * A wrong decision (about a computer that slept or was cut off from the volume for a minute) costs duplicates: an owner
 * that finds its directory taken makes a new one and writes unsettled records again.
 */
export class OwnerWatch {
  readonly #root: string;
  readonly #courses = new Map<string, Course>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Checks the owner of a directory. Rejects with the error of the file system. */
  async look(directory: string): Promise<OwnerState> {
    if (await Liveness.isAlive(directory)) return 'alive';
    const { value, host, isGivenUp } = readBeat(directory);
    if (isGivenUp || host?.key === hostOf(this.#root).key) return 'dead';
    return this.#stateBy(value, directory);
  }

  /**
   * Resolves when it is known whether each owner in the root lives: at once, or after up to a minute. Rejects with the
   * error of the file system.
   */
  async decide(): Promise<void> {
    const directories = readDirectory(this.#root).owners.map((name) => join(this.#root, name));
    for (;;) {
      const states = await Promise.all(directories.map((directory) => this.look(directory)));
      if (!states.includes('waiting')) return;
      await new Promise<void>((resolve) => void startTimer(resolve, LOOK_INTERVAL_MILLIS));
    }
  }

  /** Forgets owners whose directories are not among these. */
  forgetOthers(directories: ReadonlySet<string>): void {
    for (const directory of this.#courses.keys()) if (!directories.has(directory)) this.#courses.delete(directory);
  }

  #stateBy(value: string, directory: string): OwnerState {
    const now = performance.now();
    const course = this.#courses.get(directory);
    if (course === undefined) {
      this.#courses.set(directory, { value, hasBeaten: false, silentMillis: 0, lookedAt: now });
      return 'waiting';
    }
    const pause = now - course.lookedAt;
    course.lookedAt = now;
    if (course.value === value) {
      course.silentMillis += Math.min(pause, MAX_PAUSE_MILLIS);
    } else {
      course.value = value;
      course.hasBeaten = true;
      course.silentMillis = 0;
    }
    if (course.silentMillis >= SILENCE_MILLIS) return 'dead';
    return course.hasBeaten ? 'alive' : 'waiting';
  }
}
