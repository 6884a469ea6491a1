import { messageOf, SessionLogsError } from '../../support/errors.ts';
import { sleep } from '../../support/timers.ts';
import { Deadline } from '../../support/timeouts.ts';
import type { ErasedEntries } from '../session-store.ts';
import { backoffMillis, CallFailed } from './remote-call.ts';
import type { RemoteCalls } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteLog } from './remote-log.ts';
import { FIELD } from './stored-item.ts';

const ERASE_MILLIS = 30_000;
/** How long a tombstone tells readers of other hosts that the session is gone, before it expires too. */
const FAREWELL_MILLIS = 250;
/** By then it has expired on any server. */
const GONE_MILLIS = FAREWELL_MILLIS + 50;
/** The producer of a tombstone, which no store has. */
const ERASER = 'erase';

/**
 * Removes the log of a session. Retries while the engine does not answer.
 *
 * @throws SessionLogsError `erasure_incomplete`.
 */
export async function eraseLog(log: RemoteLog, calls: RemoteCalls, session: string): Promise<Required<ErasedEntries>> {
  if (log.erase === undefined) {
    throw new SessionLogsError(
      'erasure_incomplete',
      `the session is still in ${log.name}, because its adapter has no method \`erase\``,
    );
  }
  const fields = [FIELD.tombstone, '1', FIELD.producer, ERASER, FIELD.sequence, '0'];
  const farewell = { fields, millis: FAREWELL_MILLIS };
  const deadline = new Deadline(ERASE_MILLIS);
  for (let failures = 0; ; failures += 1) {
    try {
      const entries = await calls.answerOf(async () => log.erase?.(session, { counted: FIELD.data, farewell }) ?? 0);
      await sleep(GONE_MILLIS);
      return { entries, remains: log.keeps === undefined ? [] : [log.keeps] };
    } catch (error) {
      const cause = error instanceof CallFailed ? error.cause : error;
      const isFinal = cause instanceof RemoteRefusal && cause.isFinal;
      if (!isFinal && deadline.left > 0) {
        await sleep(Math.min(backoffMillis(failures), deadline.left));
        continue;
      }
      const why = cause instanceof RemoteRefusal ? messageOf(cause.cause ?? cause) : messageOf(cause);
      throw new SessionLogsError('erasure_incomplete', `the session is still in ${log.name}: ${why}`, { cause });
    }
  }
}
