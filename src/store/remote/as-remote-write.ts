import { leaseName, leaseOf } from './answer-leases.ts';
import type { PendingWrite } from './produced-sessions.ts';
import type { RemoteWrite } from './remote-log.ts';
import { fieldsOf } from './stored-item.ts';

/** A write as a log gets it. */
export function asRemoteWrite(write: PendingWrite): RemoteWrite {
  const { type, position, lease } = write;
  return {
    position,
    fields: fieldsOf(write),
    replacesAll: type === 'tombstone',
    opens: lease?.type === 'opens' ? leaseOf(lease.streamId) : undefined,
    // With the life of a session every answer in it ends.
    closes: type !== 'entry' || (lease?.type === 'closes' ? leaseName(lease.streamId) : undefined),
  };
}
