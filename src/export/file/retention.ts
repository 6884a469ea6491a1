import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { startInterval, startTimer } from '../../support/timers.ts';
import type { ClockState, ClockWatch } from '../clock-watch.ts';
import { compressFile, isMissing } from './compress-file.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';
import { daysBefore, daysBetween, dayOf } from './local-day.ts';

/** A temporary file of this age was left by a killed process. */
const ABANDONED_MILLIS = 3_600_000;
/**
 * A file is compressed only after it has not changed for this long, because another process may change to the next
 * day's file a moment later.
 */
const QUIET_MILLIS = 2_000;
/** Even the files of a service that logs nothing have to be removed in time. */
const SWEEP_INTERVAL_MILLIS = 3_600_000;

export interface RetentionSettings {
  readonly directory: DailyFileDirectory;
  readonly retentionDays: number;
  readonly compress: boolean;
  readonly watch: ClockWatch;
  readonly reporter: Reporter;
}

/** The state of a file at a time of `performance.now()`. */
interface Look {
  readonly signature: string;
  readonly at: number;
}

/**
 * Removes files whose day is more than `retentionDays` days ago, so that every line is kept at least that long, and
 * optionally compresses those of past days. Writing never waits for it. A failure is reported, and the file is left for
 * the next sweep.
 *
 * Nothing is destroyed on the word of one clock. After the clock jumps, nothing is removed or compressed until the new
 * time has lasted for a day. A process that has just begun can compare its clock only with the files.
 */
export class Retention {
  readonly #settings: RetentionSettings;
  readonly #stop = new AbortController();
  readonly #doubt: Episode;
  #running: Promise<void> = Promise.resolve();
  #isAsked = false;
  /** Whether the files agreed with the clock that this process began with. */
  #isBelieved = false;
  #hourly: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  /** The files to compress, as the last sweep found them. */
  #looks: ReadonlyMap<string, Look> = new Map<string, Look>();

  constructor(settings: RetentionSettings) {
    this.#settings = settings;
    this.#doubt = new Episode(settings.reporter);
  }

  /**
   * Starts a sweep, after the running one, and from then on one every hour. Resolves when it is done; never rejects.
   */
  sweep(): Promise<void> {
    this.#hourly ??= startInterval(() => void this.sweep(), SWEEP_INTERVAL_MILLIS).unref();
    clearTimeout(this.#later);
    // A sweep may hang as long as its disk does: only one waits behind it, not one for each hour.
    if (!this.#isAsked) {
      this.#isAsked = true;
      this.#running = this.#running.then(() => this.#sweep());
    }
    return this.#running;
  }

  /** Stops a running sweep. A file that is being compressed stays as it was. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#hourly);
    clearTimeout(this.#later);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    this.#isAsked = false;
    const { reporter, watch } = this.#settings;
    const { path: directory, names } = this.#settings.directory;
    if (this.#stop.signal.aborted) return;
    const { state, millis } = watch.look();
    if (state === 'jumped') {
      this.#doubt.begin(
        `the clock was set: no file in ${directory} is removed or compressed until the new time has lasted for a day`,
      );
      return;
    }
    this.#doubt.end(`old files in ${directory} are removed again`);
    const today = dayOf(new Date(millis));
    try {
      const found = await readdir(directory);
      const days = found.flatMap((name) => names.parse(name)?.day ?? []);
      await this.#visitAll(found, today, this.#oldestKept(state, days, today));
    } catch (error) {
      if (isMissing(error)) return;
      reporter.limited('sweep', `the old files in ${directory} could not be listed`, error);
    }
  }

  /**
   * Returns the first day whose files are kept.
   *
   * A process that has just begun believes its clock if, by that clock, a file from before yesterday is not too old,
   * and then as long as the clock does not jump. Otherwise the newest such file decides what is too old. So a clock
   * that is far ahead at the start removes nothing that was not too old when that file was written, however often the
   * process is restarted; and a job that runs once a month keeps its last run besides the present one.
   */
  #oldestKept(state: ClockState, days: readonly string[], today: string): string | undefined {
    const { retentionDays } = this.#settings;
    if (state === 'steady' || this.#isBelieved) return daysBefore(today, retentionDays);
    const witness = witnessOf(days, today);
    // Without such a file there is nothing to remove.
    if (witness === undefined) return undefined;
    this.#isBelieved = daysBetween(witness, today) <= Math.max(retentionDays, 2);
    return daysBefore(this.#isBelieved ? today : witness, retentionDays);
  }

  async #visitAll(found: readonly string[], today: string, oldest: string | undefined): Promise<void> {
    const looks = new Map<string, Look>();
    for (const name of found) {
      if (this.#stop.signal.aborted) return;
      const path = join(this.#settings.directory.path, name);
      try {
        const look = await this.#visit(name, path, today, oldest);
        if (look !== undefined) looks.set(name, look);
      } catch (error) {
        // Another process was faster, or the shutdown stopped the sweep.
        if (isMissing(error) || this.#stop.signal.aborted) continue;
        this.#settings.reporter.limited('sweep', `${path} could not be removed or compressed`, error);
      }
    }
    this.#looks = looks;
    if (looks.size > 0) this.#sweepLater();
  }

  /** Returns the state of a file that has to stay unchanged for a while before it is compressed. */
  async #visit(name: string, path: string, today: string, oldest: string | undefined): Promise<Look | undefined> {
    const { names, fileMode, path: directory } = this.#settings.directory;
    const file = names.parse(name);
    if (file === undefined) {
      if (names.isTemporary(name)) await removeAbandoned(path);
      return undefined;
    }
    if (file.day >= today) return undefined;
    const isTooOld = oldest !== undefined && file.day < oldest;
    if (!isTooOld && (file.isCompressed || !this.#settings.compress)) return undefined;
    const stats = await lstat(path);
    // A directory or link of this name does not belong to this package.
    if (!stats.isFile()) return undefined;
    if (isTooOld) {
      await unlink(path);
      return undefined;
    }
    const look = this.#look(name, `${stats.ino} ${stats.size} ${stats.mtimeMs}`);
    if (performance.now() - look.at < QUIET_MILLIS) return look;
    const temporary = join(directory, names.temporary(`${name}.gz`));
    await compressFile({ path, temporary, mode: fileMode, signal: this.#stop.signal, quiet: stats });
    return undefined;
  }

  #look(name: string, signature: string): Look {
    const last = this.#looks.get(name);
    return last?.signature === signature ? last : { signature, at: performance.now() };
  }

  #sweepLater(): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#later);
    this.#later = startTimer(() => void this.sweep(), QUIET_MILLIS + 1);
    this.#later.unref();
  }
}

/**
 * The newest day before yesterday that has a file: some process had that date, at least a day ago by the same clock. A
 * process that begins knows nothing else about its clock.
 */
function witnessOf(days: readonly string[], today: string): string | undefined {
  const dayBeforeYesterday = daysBefore(today, 2) ?? '';
  return days
    .filter((day) => day <= dayBeforeYesterday)
    .toSorted()
    .at(-1);
}

async function removeAbandoned(path: string): Promise<void> {
  const stats = await lstat(path);
  if (Date.now() - stats.mtimeMs > ABANDONED_MILLIS) await unlink(path);
}
