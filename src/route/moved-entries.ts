import type { EntryDetail } from '../entry/entry-detail.ts';
import type { SessionStore } from '../store/session-store.ts';

/** Gets an entry as a store has it. */
type TakeEntry = (sessionId: string, message: string, timestamp: number, detail: EntryDetail | undefined) => void;

/**
 * Reads what an embedded store holds of the current lives of its sessions, session by session in the order logged, for
 * another store.
 *
 * @param end Gets the id of each session that is ended.
 */
export function moveEntries(store: SessionStore, take: TakeEntry, end: (sessionId: string) => void): void {
  for (const sessionId of store.sessionIds()) {
    const cursor = store.open(sessionId, { from: 'start', isBounded: true });
    for (let step = cursor.step(); step === 'entry' || step === 'end'; step = cursor.step()) {
      if (step === 'entry') take(sessionId, cursor.message, cursor.timestamp, cursor.detail);
      else end(sessionId);
    }
    cursor.leave();
  }
}
