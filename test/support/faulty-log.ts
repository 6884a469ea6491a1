import { RemoteRefusal } from '../../src/remote.ts';
import type { RemoteAppend, RemoteItem, RemoteLog, RemoteLogEvents, RemoteRange } from '../../src/remote.ts';

/** How likely each fault is, of each call, from 0 to 1. */
export interface Faults {
  /** The call takes up to 50 ms. */
  readonly delay: number;
  /** It is carried out, and its answer is lost. */
  readonly lostAnswer: number;
  /** The connection is cut before it is carried out. */
  readonly cut: number;
  /** There is no answer; it is carried out up to 30 s later, after it was made again. */
  readonly late: number;
  /** The server is full. */
  readonly full: number;
  /** A wake-up is lost. */
  readonly lostWakeUp: number;
}

export const NO_FAULTS: Faults = { delay: 0, lostAnswer: 0, cut: 0, late: 0, full: 0, lostWakeUp: 0 };

/** A log whose calls fail at random. */
export class FaultyLog implements RemoteLog {
  readonly name: string;
  readonly #log: RemoteLog;
  readonly #random: () => number;
  #events: RemoteLogEvents | undefined;
  faults: Faults;
  /** The server does not answer at all. */
  isDown = false;
  /** Nothing but appends fails; the others take their time. */
  readonly #sparesReads: boolean;

  constructor(log: RemoteLog, random: () => number, faults: Faults = NO_FAULTS, sparesReads = false) {
    this.name = log.name;
    this.#log = log;
    this.#random = random;
    this.faults = faults;
    this.#sparesReads = sparesReads;
  }

  start(events: RemoteLogEvents): void {
    this.#events = events;
    this.#log.start({
      ...events,
      wake: (session) => {
        if (!this.#is('lostWakeUp')) events.wake(session);
      },
    });
  }

  /** The server is there again: without a watch, and it is said unless `isSilent`. */
  comeBack(isSilent: boolean): void {
    this.isDown = false;
    if (isSilent) return;
    this.#events?.renewWatches();
    this.#events?.retry();
  }

  append(append: RemoteAppend): Promise<void> {
    return this.#call(() => this.#log.append(append), this.faults);
  }

  read(session: string, range: RemoteRange): Promise<readonly RemoteItem[]> {
    return this.#call(() => this.#log.read(session, range));
  }

  /** At most once: what is claimed for a lost answer would be gone. */
  claim(session: string): Promise<RemoteItem | undefined> {
    return this.#call(() => this.#log.claim(session), { ...this.#ofReads, lostAnswer: 0, late: 0 });
  }

  setAside(session: string, id: string): Promise<void> {
    return this.#call(() => this.#log.setAside(session, id));
  }

  watch(session: string): Promise<void> {
    return this.#call(() => this.#log.watch(session));
  }

  unwatch(session: string): Promise<void> {
    return this.#call(() => this.#log.unwatch(session));
  }

  lapse(session: string): Promise<number | undefined> {
    return this.#call(() => this.#log.lapse(session));
  }

  isId(text: string): boolean {
    return this.#log.isId(text);
  }

  close(): void {
    this.#log.close();
  }

  get #ofReads(): Faults {
    return this.#sparesReads ? { ...NO_FAULTS, delay: this.faults.delay } : this.faults;
  }

  #is(fault: keyof Faults, faults: Faults = this.faults): boolean {
    return faults[fault] > 0 && this.#random() < faults[fault];
  }

  async #call<T>(carryOut: () => Promise<T>, faults: Faults = this.#ofReads): Promise<T> {
    if (this.#is('late', faults)) {
      setTimeout(() => void carryOut(), this.#random() * 30_000);
      return new Promise(() => {});
    }
    if (this.#is('delay', faults)) await new Promise((resolve) => setTimeout(resolve, this.#random() * 50));
    if (this.isDown || this.#is('cut', faults)) throw new Error('cut');
    if (this.#is('full', faults)) throw new RemoteRefusal('FULL', { isFinal: false });
    const answer = await carryOut();
    if (this.#is('lostAnswer', faults)) throw new Error('the answer is lost');
    return answer;
  }
}
