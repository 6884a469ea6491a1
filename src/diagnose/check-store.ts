import type { Step } from '../store/session-store.ts';
import { messageOf } from '../support/errors.ts';
import { settlesWithin } from '../support/timeouts.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

const ANSWER_MILLIS = 5_000;
/** A session that nobody has; reading it writes nothing. */
const NO_SESSION = 'session_logs.diagnose';

/** Checks that a store on a server (Redis) answers, by asking for a session that does not exist. */
export async function checkStore({ processor: { store } }: DiagnosisScene, report: DiagnosisReport): Promise<void> {
  const name = store.constructor?.name ?? 'the store';
  const cursor = store.open(NO_SESSION, { from: 'now' });
  try {
    const step = cursor.step();
    if (!(step instanceof Promise)) return report.check(`${name} answers, in this process`);
    const outcome = (await answerOf(step)) ?? (store.failure === undefined ? undefined : messageOf(store.failure));
    const { entries, bytes } = store.stats();
    const waiting =
      entries === 0 ? 'nothing waits to be stored' : `${entries} entries (${bytes} bytes) wait to be stored`;
    if (outcome === undefined) return report.check(`${name} answers; ${waiting}`);
    report.find(
      'store_unreachable',
      `${name} cannot be reached: ${outcome}; ${waiting}, and readers wait`,
      'start the server that the store connects to, or correct its address, user and permissions',
    );
  } finally {
    cursor.leave();
  }
}

/** Resolves to what is wrong, or `undefined` if nothing is. */
async function answerOf(step: Promise<Step>): Promise<string | undefined> {
  try {
    return (await settlesWithin(step, ANSWER_MILLIS)) ? undefined : `no answer within ${ANSWER_MILLIS} ms`;
  } catch (error) {
    return messageOf(error);
  }
}
