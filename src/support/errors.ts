import { types } from 'node:util';

import { withAddress } from './docs-address.ts';
import { escapeControls } from './terminal-text.ts';

/**
 * Why an operation failed. Codes do not change within a major version; messages may.
 * docs/run.md lists them all.
 */
export type SessionLogsErrorCode =
  | 'shut_down'
  | 'too_many_readers'
  | 'directory_in_use'
  | 'directory_unusable'
  | 'path_too_long'
  | 'not_supported'
  | 'no_durable_exporter'
  | 'not_erasable'
  | 'erasure_incomplete'
  | 'exporter_not_found'
  | 'sdk_not_found'
  | 'flush_failed'
  | 'flush_timeout'
  | 'shutdown_timeout'
  | 'rejected'
  | 'until_timeout';

/**
 * A failure in operation, as opposed to a wrong argument (which is a `TypeError` or `RangeError`).
 *
 * `code` is stable and meant for programs; `cause` is the underlying error where there is one. The message ends with the
 * place in the documents that says more about the code.
 */
export class SessionLogsError extends Error {
  override readonly name = 'SessionLogsError';
  readonly code: SessionLogsErrorCode;
  /** How many records were not delivered, where the failure is about records. */
  readonly pending: number | undefined;

  constructor(
    code: SessionLogsErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly pending?: number } = {},
  ) {
    super(withAddress(message, code), 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.pending = options.pending;
  }
}

/** The received value as an error message shows it: `-1 (number)`, `"abc" (string)`, cut at 80 characters. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return escapeControls(value.toString());
  const text = typeof value === 'string' ? escapeControls(JSON.stringify(value)) : `${value as number}`;
  return `${text.length > 80 ? `${text.slice(0, 77)}...` : text} (${typeof value})`;
}

/**
 * Whether the value is an error, of whatever realm: `instanceof` knows those of its own only, and a caller may run in
 * `vm`, as jest and vitest make it. Never throws.
 */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  if (types.isNativeError(value)) return true;
  try {
    // One of a class made without `class`, and a DOMException, which older Nodes do not count.
    return value instanceof Error || Object.prototype.toString.call(value) === '[object DOMException]';
  } catch {
    // A proxy of the application's; what cannot be looked at is no error.
    return false;
  }
}

/** The message of an error, any other value as text. Never throws, though both run code of the application's. */
export function messageOf(error: unknown): string {
  try {
    return String(isError(error) ? error.message : error);
  } catch {
    // There is nothing to be read of it.
    return 'an error that cannot be read';
  }
}
