import * as z from 'zod';

import { describeValue, SessionLogsError } from '../support/errors.ts';
import { lazily, millisOrNever, parseOptions } from '../support/options.ts';
import { catchRejection } from '../support/reporter.ts';
import { startWorkTimer, stopWorkTimer } from '../support/timers.ts';
import type { RecordedLog } from './recorded-log.ts';

/** How long an `until` waits. */
export interface UntilOptions {
  /** In real time, even while the test uses fake timers. `Infinity`: no limit of its own. @default 4,000 */
  readonly timeoutMillis?: number | undefined;
}

/** The results that end an `until`. */
export type Truthy<T> = Exclude<T, undefined | null | false | 0 | ''>;

type Predicate = (records: readonly RecordedLog[]) => unknown;

const untilSchema = lazily(() => z.strictObject({ timeoutMillis: millisOrNever().optional() }));

/** Less than vitest and jest allow a test, so that this error tells why the test failed. */
const UNTIL_MILLIS = 4_000;
/** How many of the last logs the error of a time-out shows. */
const TOLD_LOGS = 5;

/** The `until` calls that wait for something to be logged. */
export class RecordedUntil {
  readonly #records: readonly RecordedLog[];
  readonly #checks = new Set<() => void>();
  #isDue = false;

  constructor(records: readonly RecordedLog[]) {
    this.#records = records;
  }

  /** Something was logged: asks the predicates once for all that is logged in this turn. */
  tell(): void {
    if (this.#isDue || this.#checks.size === 0) return;
    this.#isDue = true;
    // A promise, because no library fakes promises.
    void Promise.resolve().then(() => {
      this.#isDue = false;
      for (const check of this.#checks) check();
    });
  }

  async until<T>(predicate: (records: readonly RecordedLog[]) => T, options: UntilOptions = {}): Promise<Truthy<T>> {
    if (typeof predicate !== 'function') {
      throw new TypeError(`until: expected the predicate to be a function, got ${describeValue(predicate)}`);
    }
    const { timeoutMillis = UNTIL_MILLIS } = parseOptions('until', untilSchema, options);
    return (await this.#met(predicate, timeoutMillis)) as Truthy<T>;
  }

  #met(predicate: Predicate, timeoutMillis: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMillis === Infinity ? undefined : startWorkTimer(() => end(() => reject(this.#late())), timeoutMillis);
      const end = (settle: () => void): void => {
        stopWorkTimer(timer);
        this.#checks.delete(check);
        settle();
      };
      const check = (): void => {
        try {
          const answer = predicate(this.#records);
          if (catchRejection(answer, () => {}))
            throw new TypeError(
              'until: expected the predicate to return its result, got a promise: make it synchronous',
            );
          if (answer) end(() => resolve(answer));
        } catch (error) {
          end(() => reject(error));
        }
      };
      this.#checks.add(check);
      check();
    });
  }

  #late(): SessionLogsError {
    const last = this.#records.slice(-TOLD_LOGS).map(({ sessionId, kind, message }) => {
      const text = kind === 'text' ? describeValue(message) : kind;
      return `\n  [${sessionId ?? '-'}] ${text}`;
    });
    const count = this.#records.length;
    const told = count === 0 ? 'nothing was logged' : `${count} logs so far, the last of them:${last.join('')}`;
    return new SessionLogsError('until_timeout', `until: the predicate was not met in time; ${told}`);
  }
}
