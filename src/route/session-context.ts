import { AsyncLocalStorage } from 'node:async_hooks';

import { context as contextApi, createContextKey } from '@opentelemetry/api';

import { isSessionId, requireSessionId } from '../entry/session-id.ts';
import type { Context } from '../otel/log-record.ts';
import { describeValue } from '../support/errors.ts';
import { ownText } from '../support/own-text.ts';
import { keepSession } from './session-iteration.ts';

/** The key of the session in an OpenTelemetry context. It is a `Symbol.for`, so copies of this package agree. */
export const CONTEXT_KEY: symbol = createContextKey('otel-session-logs.session-id.v1');

const STORAGE_KEY = Symbol.for('otel-session-logs.session-storage.v1');

/**
 * Holds the session of the running code, in one storage for all copies of this package in the process. It is needed
 * because without an OpenTelemetry context manager `context.with` does nothing.
 */
export function sessionStorage(): AsyncLocalStorage<string> {
  const holder = globalThis as { [STORAGE_KEY]?: AsyncLocalStorage<string> };
  return (holder[STORAGE_KEY] ??= new AsyncLocalStorage<string>());
}

/**
 * Runs `fn` in a session and returns its result: every record emitted inside it, by any logger, belongs to the session,
 * across `await`, timers and callbacks. If calls are nested, the inner session counts.
 *
 * It needs no OpenTelemetry context manager; if there is one, the OpenTelemetry context has the session too. If `fn`
 * returns (or resolves to) an async iterable, the session is set on every `next()`, wherever that is called. Listeners
 * of an event emitter run in the session of the code that emits.
 *
 * @example
 * ```ts
 * await withSession('abc123', async () => {
 *   logger.info('in the session');
 * });
 * ```
 * @throws TypeError, without calling `fn`, if the session id is not a string of 1 to 256 characters.
 */
export function withSession<T>(sessionId: string, fn: () => T): T {
  requireSessionId('withSession', sessionId);
  if (typeof fn !== 'function') throw new TypeError(`withSession: expected a function, got ${describeValue(fn)}`);
  // What the session's code starts may keep the id for long.
  const id = ownText(sessionId);
  const run = <R>(step: () => R): R =>
    sessionStorage().run(id, () => contextApi.with(contextWithSession(contextApi.active(), id), step));
  return keepSession(run(fn), run);
}

/** The session of the context, else of the running code; `undefined` outside any session. */
export function sessionIdOf(context?: Context): string | undefined {
  const id = context?.getValue(CONTEXT_KEY) ?? contextApi.active().getValue(CONTEXT_KEY) ?? sessionStorage().getStore();
  return isSessionId(id) ? id : undefined;
}

/** Returns a context that carries the session, for a record's explicit `context`. */
export function contextWithSession(context: Context, sessionId: string): Context {
  return context.setValue(CONTEXT_KEY, sessionId);
}
