import { writeSync } from 'node:fs';
import { types } from 'node:util';

import { diag } from '@opentelemetry/api';

import { escapeControls } from './terminal-text.ts';
import { isThenable } from './thenable.ts';

/** Where suppressed failures of one component go. */
export interface Reporter {
  /** Reports at once. */
  warn(message: string, cause?: unknown): void;
  error(message: string, cause?: unknown): void;
  info(message: string): void;
  /**
   * Tells what keeps a start, or a part of it, from working, and what to do about it: one line on stderr where `diag` has no
   * logger, since nobody would learn of it otherwise. The same line at most once a minute.
   */
  announce(message: string): void;
  /**
   * Reports the first time, then at most once a minute for the same key, with the number left out meanwhile. Returns
   * whether it was reported.
   */
  limited(key: string, message: string, cause?: unknown): boolean;
}

const LIMIT_MILLIS = 60_000;
const STDERR = 2;

/** Whether the application has set a logger for `diag`; the API keeps it here, in both lines, and does not tell. */
function hasDiagLogger(): boolean {
  const shared: unknown = Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1'));
  return typeof shared === 'object' && shared !== null && 'diag' in shared && shared.diag !== undefined;
}

let epoch = 0;

/** Begins anew with what is told once a minute, in all components: for tests, of which several share a process. */
export function forgetReports(): void {
  epoch += 1;
}

/**
 * The reporter of one component, over OTel's `diag`. The package has no other way to complain, but for the line on stderr
 * of a start: never the console, and
 * never `diag.setLogger`, which is the application's. A diag logger that throws is ignored: reporting must not fail
 * what it reports on.
 */
export function reporterFor(component: string): Reporter {
  const logger = diag.createComponentLogger({ namespace: `otel-session-logs/${component}` });
  const lastByKey = new Map<string, { at: number; leftOut: number; epoch: number }>();

  function report(level: 'info' | 'warn' | 'error', message: string, cause: unknown): void {
    try {
      // Messages quote what others gave: a server, the names of files.
      const line = escapeControls(message);
      if (cause === undefined) logger[level](line);
      else logger[level](line, cause);
    } catch {
      // The application's own diag logger failed; there is nothing left to tell it to.
    }
  }

  /** How often the key was left out since it was told last; `undefined`: it is left out this time too. */
  function dueAgain(key: string): number | undefined {
    const now = performance.now();
    const known = lastByKey.get(key);
    const last = known?.epoch === epoch ? known : undefined;
    if (last !== undefined && now - last.at < LIMIT_MILLIS) {
      last.leftOut += 1;
      return undefined;
    }
    lastByKey.set(key, { at: now, leftOut: 0, epoch });
    return last?.leftOut ?? 0;
  }

  function announce(message: string): void {
    // A start that tries again without the part that failed comes by the rest twice.
    if (dueAgain(message) === undefined) return;
    if (hasDiagLogger()) return report('error', message, undefined);
    try {
      // At once, and without an `error` event of a stream that is closed.
      writeSync(STDERR, `otel-session-logs: ${escapeControls(message)}\n`);
    } catch {
      // There is no stderr, and no logger: nobody to tell it to.
    }
  }

  return {
    announce,
    info: (message) => report('info', message, undefined),
    warn: (message, cause) => report('warn', message, cause),
    error: (message, cause) => report('error', message, cause),
    limited(key, message, cause) {
      const leftOut = dueAgain(key);
      if (leftOut === undefined) return false;
      report('warn', leftOut > 0 ? `${message} (and ${leftOut} more times)` : message, cause);
      return true;
    },
  };
}

/**
 * For the answer of an application's callback that is not awaited: when the callback is `async` all the same, its
 * rejection goes to `onRejection` instead of ending the process.
 *
 * @returns Whether the answer is a promise.
 */
export function catchRejection(answer: unknown, onRejection: (error: unknown) => void): boolean {
  // Promises of other realms and libraries are no `Promise` of ours, and have a `then` of their own.
  if (types.isPromise(answer)) void Promise.prototype.then.call(answer, undefined, onRejection);
  else if (isThenable(answer)) Promise.resolve(answer).catch(onRejection);
  else return false;
  return true;
}

/** A state that is reported once when it begins and once when it is over, however often it is confirmed between. */
export class Episode {
  readonly #reporter: Reporter;
  #isOpen = false;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  begin(message: string, cause?: unknown): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#reporter.warn(message, cause);
  }

  end(message: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reporter.warn(message);
  }
}
