/**
 * What an exporter's answer means for the records it was given.
 *
 * - `delivered`: the collector has them.
 * - `unavailable`: keep them and back off; it passes.
 * - `misconfigured`: keep them, back off slowly and say so; it does not pass by itself.
 * - `refused`: the collector does not want these bytes; smaller parts of them may do.
 */
export type Verdict = 'delivered' | 'unavailable' | 'misconfigured' | 'refused';

/** gRPC: INVALID_ARGUMENT, OUT_OF_RANGE. */
const GRPC_REFUSED: ReadonlySet<number> = new Set([3, 11]);
/** gRPC: NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const GRPC_MISCONFIGURED: ReadonlySet<number> = new Set([5, 7, 12, 16]);
const GRPC_RESOURCE_EXHAUSTED = 8;
const GRPC_LAST = 16;

const HTTP_REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
/** The stock exporters retry these themselves and then say nothing of the status; others may hand it on. */
const HTTP_UNAVAILABLE: ReadonlySet<number> = new Set([408, 425, 429]);

/** Reads the answer of an exporter: OTLP over HTTP and gRPC put the status into `error.code`. */
export function verdictOf(result: { readonly code: number; readonly error?: unknown }): Verdict {
  if (result.code === 0) return 'delivered';
  const error = result.error as { readonly code?: unknown; readonly message?: unknown } | undefined;
  const code = error?.code;
  // Retries used up, a timeout, or the name of a network or TLS error.
  if (typeof code !== 'number') return 'unavailable';
  if (code <= GRPC_LAST) return grpcVerdict(code, typeof error?.message === 'string' ? error.message : '');
  if (code >= 500 || HTTP_UNAVAILABLE.has(code)) return 'unavailable';
  if (HTTP_REFUSED.has(code)) return 'refused';
  return code >= 300 ? 'misconfigured' : 'unavailable';
}

function grpcVerdict(code: number, message: string): Verdict {
  if (GRPC_REFUSED.has(code)) return 'refused';
  // Both ends use it for a message beyond their limit, and for a quota that is used up.
  if (code === GRPC_RESOURCE_EXHAUSTED) return /larger than max/i.test(message) ? 'refused' : 'unavailable';
  return GRPC_MISCONFIGURED.has(code) ? 'misconfigured' : 'unavailable';
}
