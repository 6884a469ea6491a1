import type { LogData } from '../model/log-data.ts';

/** The records of a request, and how many more of it were not taken: no records, or too many. */
export interface DecodedLogs {
  readonly records: LogData[];
  readonly rejected: number;
}
