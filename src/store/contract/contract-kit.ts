import assert from 'node:assert/strict';

import { entryDetail } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { Maybe, SessionCursor, SessionStore, StartPosition, Step } from '../session-store.ts';
import { startTimer } from '../../support/timers.ts';

/** Options of the store that a test needs. */
export interface ContractStoreOptions {
  /** The most entries held of one session; a store may keep up to a hundred more. */
  readonly maxEntriesPerSession?: number;
  /** The most readers at once. */
  readonly maxReaders?: number;
  /** The most readers of one session at once. */
  readonly maxReadersPerSession?: number;
  /** The share of both limits that is kept for the server's own readers. */
  readonly reservedShare?: number;
}

/** Makes an empty store; the suite closes it. */
export type MakeSessionStore = (options: ContractStoreOptions) => Maybe<SessionStore>;

/** The functions of the test runner: vitest, jest, mocha or `node:test`. */
export interface ContractRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** Defines a test that gets a store of its own. */
export type ContractTest = (
  name: string,
  body: (store: SessionStore) => Promise<void>,
  options?: ContractStoreOptions,
) => void;

/** No wake-up of a healthy store takes this long; so a missed one makes the test fail instead of hang. */
const WAKE_MILLIS = 4_000;

/** A fixed time, so that a store that invents one is noticed. */
export const AT = 1_700_000_000_000;

export function log(store: SessionStore, sessionId: string, message: string, fields?: Partial<EntryDetail>): void {
  assert.equal(store.append(sessionId, message, AT, fields === undefined ? undefined : entryDetail(fields)), true);
}

/** Logs texts and waits until they are stored. */
export async function logAll(store: SessionStore, sessionId: string, ...messages: readonly string[]): Promise<void> {
  for (const message of messages) log(store, sessionId, message);
  await store.flush();
}

export const START: Partial<EntryDetail> = { kind: 'stream-start' };
export const END: Partial<EntryDetail> = { kind: 'stream-end' };

/** `m0`, `m1`, ... */
export function names(count: number, from = 0, prefix = 'm'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${from + index}`);
}

/** What a cursor meets until it says something other than `'entry'`. */
export interface Met {
  readonly messages: string[];
  readonly ids: string[];
  readonly step: Step;
}

/** Steps until there is no entry; each entry counts as handed out. */
export async function readAll(cursor: SessionCursor): Promise<Met> {
  const messages: string[] = [];
  const ids: string[] = [];
  for (;;) {
    const step = await cursor.step();
    if (step !== 'entry') return { messages, ids, step };
    messages.push(cursor.message);
    ids.push(cursor.id);
    cursor.delivered();
  }
}

/** Opens a cursor and reads what is there now. */
export async function readFrom(store: SessionStore, sessionId: string, from: StartPosition): Promise<Met> {
  const cursor = store.open(sessionId, { from });
  try {
    return await readAll(cursor);
  } finally {
    cursor.leave();
  }
}

/** The next step that is not "nothing now": waits at the cursor as a reader does. */
export async function nextStep(cursor: SessionCursor): Promise<Step> {
  for (;;) {
    const answer = cursor.step();
    // A store that answers at once is waited on in the same turn: a turn later an append would have come in between.
    const step = typeof answer === 'string' ? answer : await answer;
    if (step !== 'none' && step !== 'unknown') return step;
    await woken(cursor);
  }
}

/** Resolves when the cursor's waiter is woken. */
export function woken(cursor: SessionCursor): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(() => reject(new Error(`no wake-up in ${WAKE_MILLIS} ms`)), WAKE_MILLIS);
    cursor.wait({
      wake() {
        clearTimeout(timer);
        resolve();
      },
    });
  });
}

/** Waits for entries until that many have come. */
export async function readCount(cursor: SessionCursor, count: number): Promise<string[]> {
  const messages: string[] = [];
  while (messages.length < count) {
    assert.equal(await nextStep(cursor), 'entry');
    messages.push(cursor.message);
    cursor.delivered();
  }
  return messages;
}
