const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

type EndingSignal = (typeof SIGNALS)[number];

/** What is shut down before a signal ends the process. */
type Ending = () => Promise<void>;

/**
 * Runs the added shutdowns when a signal would end the process, then lets the signal end it. If the application listens
 * for the signal, ending is left to it. A second signal ends the process at once.
 */
class SignalEndings {
  readonly #endings = new Set<Ending>();
  readonly #onSignal = (signal: EndingSignal): void => void this.#end(signal);
  #isEnding = false;

  add(ending: Ending): void {
    if (this.#endings.size === 0) for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    this.#endings.add(ending);
  }

  remove(ending: Ending): void {
    this.#endings.delete(ending);
    if (this.#endings.size === 0) this.#stopListening();
  }

  async #end(signal: EndingSignal): Promise<void> {
    if (hasOtherListeners(signal)) return;
    if (!this.#isEnding) {
      this.#isEnding = true;
      await Promise.allSettled([...this.#endings].map((ending) => ending()));
    }
    this.#stopListening();
    process.kill(process.pid, signal);
  }

  #stopListening(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}

/**
 * Whether the application decides what the signal does. Listeners of the package `signal-exit`, which many packages
 * bring, do not count: they too end the process once they are the only ones. Versions 3 and 4 of it keep their number
 * here.
 */
function hasOtherListeners(signal: EndingSignal): boolean {
  const places = [
    (process as { __signal_exit_emitter__?: { count?: unknown } }).__signal_exit_emitter__,
    (globalThis as { [SIGNAL_EXIT]?: { count?: unknown } })[SIGNAL_EXIT],
  ];
  const known = places.map((emitter) => (typeof emitter?.count === 'number' ? emitter.count : 0));
  return process.listenerCount(signal) > known.reduce((sum, count) => sum + count, 1);
}

const SIGNAL_EXIT = Symbol.for('signal-exit emitter');

const ENDINGS = Symbol.for('otel-session-logs.signal-endings.v1');

/**
 * One instance per process, shared by all copies of this package: otherwise each copy would take another's listener for
 * the application's.
 */
export function signalEndings(): Pick<SignalEndings, 'add' | 'remove'> {
  const holder = globalThis as { [ENDINGS]?: Pick<SignalEndings, 'add' | 'remove'> };
  return (holder[ENDINGS] ??= new SignalEndings());
}
