import { writeSync } from 'node:fs';
import { types } from 'node:util';

import { diag } from '@opentelemetry/api';

import { escapeControls } from './terminal-text.ts';
import { isThenable } from './thenable.ts';

/** Reports failures of one component that must not reach the caller. */
export interface Reporter {
  /** Reports at once. */
  warn(message: string, cause?: unknown): void;
  error(message: string, cause?: unknown): void;
  info(message: string): void;
  /**
   * Reports what keeps a start, or a part of it, from working, and what to do: to `diag`, or, if that has no logger, in
   * one line on stderr, because nobody would learn of it otherwise. Repeats a line at most once a minute.
   */
  announce(message: string): void;
  /**
   * Reports the first time, then at most once a minute for the same key, with the number of reports left out meanwhile.
   * Returns whether it reported.
   */
  limited(key: string, message: string, cause?: unknown): boolean;
}

const LIMIT_MILLIS = 60_000;
const STDERR = 2;

/**
 * Whether the application has set a logger for `diag`. Both lines of the API keep it here, but have no method for it.
 */
function hasDiagLogger(): boolean {
  const shared: unknown = Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1'));
  return typeof shared === 'object' && shared !== null && 'diag' in shared && shared.diag !== undefined;
}

let epoch = 0;

/** Forgets, in all components, what was reported within a minute: for tests that share a process. */
export function forgetReports(): void {
  epoch += 1;
}

/**
 * The reporter of one component, over OpenTelemetry's `diag`. Apart from a start's line on stderr, this package reports
 * in no other way: never to the console, and never with `diag.setLogger`, which belongs to the application. If the diag
 * logger throws, that is ignored: a report must not cause a failure.
 */
export function reporterFor(component: string): Reporter {
  const logger = diag.createComponentLogger({ namespace: `otel-session-logs/${component}` });
  const lastByKey = new Map<string, { at: number; leftOut: number; epoch: number }>();

  function report(level: 'info' | 'warn' | 'error', message: string, cause: unknown): void {
    try {
      // Messages quote foreign text: answers of servers, names of files.
      const line = escapeControls(message);
      if (cause === undefined) logger[level](line);
      else logger[level](line, cause);
    } catch {
      // The application's own diag logger failed; there is nobody left to tell.
    }
  }

  /** How often the key was left out since its last report; `undefined` if it is left out again. */
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
    // A start that tries again without a failed part reports the rest twice.
    if (dueAgain(message) === undefined) return;
    if (hasDiagLogger()) return report('error', message, undefined);
    try {
      // Synchronous, and without the `error` event of a closed stream.
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
 * For the result of a callback that is not awaited: if the callback is `async` anyway, its rejection goes to
 * `onRejection` instead of ending the process.
 *
 * @returns Whether the result is a promise.
 */
export function catchRejection(answer: unknown, onRejection: (error: unknown) => void): boolean {
  // Promises of other realms and libraries are not instances of this realm's `Promise`, and have their own `then`.
  if (types.isPromise(answer)) void Promise.prototype.then.call(answer, undefined, onRejection);
  else if (isThenable(answer)) Promise.resolve(answer).catch(onRejection);
  else return false;
  return true;
}

/** A state that is reported once when it begins and once when it ends, however often it is confirmed in between. */
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
