import type { LogData } from '../model/log-data.ts';

/** The records of a request, and how many others were rejected: they are no records, or too many. */
export interface DecodedLogs {
  readonly records: LogData[];
  readonly rejected: number;
}
