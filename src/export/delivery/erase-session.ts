import type { ErasedPart } from '../../entry/erasure.ts';
import { totalOf } from '../spool/erase-frames.ts';
import type { RecordSpool } from '../spool/record-spool.ts';
import type { RecordDelivery } from './record-delivery.ts';

/** Erases one session in a delivery, and tells what the collector has of it. */
export async function eraseSessionIn<Spool extends RecordSpool>(
  delivery: RecordDelivery<Spool>,
  sessionId: string,
): Promise<ErasedPart> {
  const { records, unanswered } = await delivery.erase({ sessionId, isErased: (id) => id === sessionId });
  const { exportedSessions } = delivery.ledger;
  const exported = exportedSessions.of(sessionId);
  return {
    spool: { records: totalOf(records) },
    unanswered: totalOf(unanswered),
    exported,
    remains:
      exported.records === 0 && exportedSessions.hasForgotten
        ? [
            'what the collector has of this session: this process no longer knows what it exported of its first sessions',
          ]
        : [],
  };
}
