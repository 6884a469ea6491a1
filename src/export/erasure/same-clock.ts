import { hostOf } from '../owner-host.ts';
import { workNow } from '../../support/timers.ts';

/** A moment, as another process can compare it with its own. */
export interface Moment {
  /** Names the machine, since it was started, on which `millis` counts. */
  readonly place: string;
  /** The clock that all processes of a place share, which only goes forward. */
  readonly millis: number;
  /** Milliseconds since the epoch, for processes of other places. */
  readonly wallMillis: number;
}

/** From the clock of this process, which begins with it, to that of the machine. */
const OFFSET = Number(process.hrtime.bigint()) / 1e6 - workNow();

/** The moment now. @throws the error of the file system. */
export function momentNow(directory: string): Moment {
  return { place: hostOf(directory).key, millis: workNow() + OFFSET, wallMillis: Date.now() };
}

/** Whether that time of `workNow()` in this process was before the moment. */
export function wasBefore(since: number, moment: Moment, place: string): boolean {
  if (moment.place === place) return since + OFFSET < moment.millis;
  return Date.now() - (workNow() - since) < moment.wallMillis;
}
