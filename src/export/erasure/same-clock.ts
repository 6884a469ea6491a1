import { hostOf } from '../owner-host.ts';
import { workNow } from '../../support/timers.ts';

/** A moment that other processes can compare with their own. */
export interface Moment {
  /** Names the machine and its boot on which `millis` counts. */
  readonly place: string;
  /** Time on the monotonic clock that all processes of a place share. */
  readonly millis: number;
  /** Milliseconds since the epoch, for processes of other places. */
  readonly wallMillis: number;
}

/** Offset from the clock of this process, which begins with it, to that of the machine. */
const OFFSET = Number(process.hrtime.bigint()) / 1e6 - workNow();

/** Returns the current moment. @throws the error of the file system. */
export function momentNow(directory: string): Moment {
  return { place: hostOf(directory).key, millis: workNow() + OFFSET, wallMillis: Date.now() };
}

/** Whether this time of `workNow()` in this process was before the moment. */
export function wasBefore(since: number, moment: Moment, place: string): boolean {
  if (moment.place === place) return since + OFFSET < moment.millis;
  return Date.now() - (workNow() - since) < moment.wallMillis;
}
