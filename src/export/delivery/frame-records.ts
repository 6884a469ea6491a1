import { MAX_FRAME_RECORDS } from '../spool/codec/frame-format.ts';

/** The most records of a frame, for each option of when records are written. */
export function frameRecords(write: 'record' | 'tick' | 'batch', maxExportBatchSize: number): number {
  if (write === 'record') return 1;
  return write === 'tick' ? MAX_FRAME_RECORDS : Math.min(MAX_FRAME_RECORDS, maxExportBatchSize);
}
