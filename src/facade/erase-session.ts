import type { ErasedPart, SessionEraser } from '../entry/erasure.ts';
import type { ErasedEntries, SessionStore } from '../store/session-store.ts';
import { messageOf, SessionLogsError } from '../support/errors.ts';
import { receiptOf } from './erasure-receipt.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';

export interface SessionErasure {
  readonly sessionId: string;
  readonly store: SessionStore;
  /** The processors that got this instance's records. */
  readonly erasers: ReadonlySet<SessionEraser>;
  /** Drops what the writer holds back. */
  readonly forget: () => void;
}

/**
 * Erases a session in all parts at once. This concerns what came before the call: each part notes that before the first
 * of them waits.
 *
 * @throws SessionLogsError `not_erasable` before anything is touched; `erasure_incomplete` if a part failed, after all
 * others are done.
 */
export async function eraseSession({ sessionId, store, erasers, forget }: SessionErasure): Promise<ErasureReceipt> {
  for (const eraser of erasers) eraser.checkErasable?.(sessionId);
  // Begin with what is nearest to the writer, so that nothing flows from there into parts that are erased already.
  forget();
  const parts = [...erasers].map((eraser) => eraser.eraseSession(sessionId));
  const [entries, ...results] = await Promise.allSettled([eraseEntries(store, sessionId), ...parts]);
  const failures = [entries, ...results].flatMap((each) =>
    each.status === 'rejected' ? [each.reason as unknown] : [],
  );
  if (failures.length > 0) {
    const message = `the session was not erased everywhere: ${failures.map(messageOf).join('; ')}; call eraseSession again`;
    throw new SessionLogsError('erasure_incomplete', message, { cause: failures[0] });
  }
  const erased = (entries as PromiseFulfilledResult<ErasedEntries>).value;
  const done = results.map((each) => (each as PromiseFulfilledResult<ErasedPart>).value);
  return receiptOf(sessionId, erased.entries, [{ remains: erased.remains ?? [] }, ...done]);
}

async function eraseEntries(store: SessionStore, sessionId: string): Promise<ErasedEntries> {
  if (store.erase !== undefined) return store.erase(sessionId);
  const entries = store.entries?.({ sessionId }).length ?? 0;
  store.delete(sessionId);
  await store.flush();
  return { entries, remains: ['what the store keeps of a deleted session, which it does not tell'] };
}
