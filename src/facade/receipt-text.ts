import { escapeControls } from '../support/terminal-text.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';

/** What processes that have ended exported nobody knows: no number is better than 0, which would say that there is nothing. */
export function receiptJson(receipt: ErasureReceipt): string {
  return JSON.stringify({ ...receipt, exported: receipt.exported.records === 0 ? null : receipt.exported });
}

/** The receipt in lines for a person, with the directories that were not looked at. */
export function receiptText(
  { file, spool, dead, exported, unanswered, otherProcesses, remains }: ErasureReceipt,
  looked: Readonly<Record<'logs' | 'spool', boolean>>,
): string {
  return [
    looked.logs
      ? `daily files: ${file.lines} lines erased in ${file.files} files`
      : 'daily files: not looked at (no --logs)',
    looked.spool
      ? `spool: ${spool.records} records erased; rejected by the collector: ${dead.records}`
      : 'spool: not looked at (no --spool)',
    ...(unanswered === 0 ? [] : [`sent without an answer, the collector may have them: ${unanswered} records`]),
    ...(otherProcesses === 0 ? [] : [`living processes that have not answered: ${otherProcesses}`]),
    ...remains.map((each) => `not erased: ${escapeControls(each)}`),
    ...(exported.records === 0
      ? ['not known here: what the collector received of this session']
      : [
          `at the collector, to be erased there: ${exported.records} records, ${exported.firstTimestamp} to ${exported.lastTimestamp}`,
          'not known here: what the collector received of this session from processes that have ended',
        ]),
    '',
  ].join('\n');
}
