import { AsyncLocalStorage } from 'node:async_hooks';

import { context as contextApi, createContextKey } from '@opentelemetry/api';

import { isSessionId, requireSessionId } from '../entry/session-id.ts';
import type { Context } from '../otel/log-record.ts';
import { describeValue } from '../support/errors.ts';
import { ownText } from '../support/own-text.ts';
import { keepSession } from './session-iteration.ts';

/** Where the session stands in an OpenTelemetry context. The key is `Symbol.for`, so copies of this package agree. */
export const CONTEXT_KEY: symbol = createContextKey('otel-session-logs.session-id.v1');

const STORAGE_KEY = Symbol.for('otel-session-logs.session-storage.v1');

/**
 * The session of the code that runs now, one storage for all copies of this package in the process. Without an
 * OpenTelemetry context manager `context.with` does nothing, so this is what carries the session there.
 */
export function sessionStorage(): AsyncLocalStorage<string> {
  const holder = globalThis as { [STORAGE_KEY]?: AsyncLocalStorage<string> };
  return (holder[STORAGE_KEY] ??= new AsyncLocalStorage<string>());
}

/**
 * Runs `fn` in a session and returns what it returns: every record emitted inside it, by whichever logger, belongs to
 * the session, over `await`, timers and callbacks. Nested, the inner session wins.
 *
 * Needs no OpenTelemetry context manager; where there is one, the OpenTelemetry context has the session too. Over an
 * async iterable that `fn` returns (or resolves to) the session is set on every `next()`, wherever it is called from. Listeners
 * of an event emitter run in the session of the code that emits.
 *
 * @example
 * ```ts
 * await withSession('abc123', async () => {
 *   logger.info('in the session');
 * });
 * ```
 * @throws TypeError when the session id is no string, empty or longer than 256 characters; `fn` is not called.
 */
export function withSession<T>(sessionId: string, fn: () => T): T {
  requireSessionId('withSession', sessionId);
  if (typeof fn !== 'function') throw new TypeError(`withSession: expected a function, got ${describeValue(fn)}`);
  // What the code of the session starts may keep it for long.
  const id = ownText(sessionId);
  const run = <R>(step: () => R): R =>
    sessionStorage().run(id, () => contextApi.with(contextWithSession(contextApi.active(), id), step));
  return keepSession(run(fn), run);
}

/** The session of that context, else of the code that runs now; `undefined` outside of any. */
export function sessionIdOf(context?: Context): string | undefined {
  const id = context?.getValue(CONTEXT_KEY) ?? contextApi.active().getValue(CONTEXT_KEY) ?? sessionStorage().getStore();
  return isSessionId(id) ? id : undefined;
}

/** A context that carries the session, for a record's explicit `context`. */
export function contextWithSession(context: Context, sessionId: string): Context {
  return context.setValue(CONTEXT_KEY, sessionId);
}
