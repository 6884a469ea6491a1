import { escapeControls } from '../support/terminal-text.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';

/** Nobody knows what ended processes exported: give no number, since 0 would say that there is nothing. */
export function receiptJson(receipt: ErasureReceipt): string {
  return JSON.stringify({ ...receipt, exported: receipt.exported.records === 0 ? null : receipt.exported });
}

/** The receipt as lines for people, naming the directories that were not searched. */
export function receiptText(
  { file, spool, dead, exported, unanswered, otherProcesses, remains }: ErasureReceipt,
  looked: Readonly<Record<'logs' | 'spool', boolean>>,
): string {
  return [
    looked.logs
      ? `daily files: ${file.lines} lines erased in ${file.files} files`
      : 'daily files: not searched (give --logs)',
    looked.spool
      ? `spool: ${spool.records} records erased; rejected by the collector: ${dead.records}`
      : 'spool: not searched (give --spool)',
    ...(unanswered === 0 ? [] : [`sent without an answer: ${unanswered} records, which the collector may have`]),
    ...(otherProcesses === 0
      ? []
      : [`living processes that did not answer: ${otherProcesses}; they erase when they can`]),
    ...remains.map((each) => `not erased: ${escapeControls(each)}`),
    ...(exported.records === 0
      ? ['not known: what the collector received of this session']
      : [
          `to be erased at the collector: ${exported.records} records, ${exported.firstTimestamp} to ${exported.lastTimestamp}`,
          'not known: what the collector received of this session from processes that have ended',
        ]),
    '',
  ].join('\n');
}
