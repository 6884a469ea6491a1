/** An exporter's answer. */
export interface ExportOutcome {
  readonly isSuccess: boolean;
  readonly error?: unknown;
  /** Whether `export()` itself threw: then it cannot handle one of the records. */
  readonly hasThrown?: boolean;
}

/**
 * What the result of an export means for its records.
 *
 * - `delivered`: the collector has them.
 * - `unavailable`: keep them and back off; the failure passes by itself.
 * - `misconfigured`: keep them, back off slowly and report it; the failure does not pass by itself.
 * - `refused`: the collector rejects this request; it may accept smaller parts of it.
 */
export type ExportVerdict = 'delivered' | 'unavailable' | 'misconfigured' | 'refused';

/** gRPC: INVALID_ARGUMENT, OUT_OF_RANGE. */
const GRPC_REFUSED: ReadonlySet<number> = new Set([3, 11]);
/** gRPC: NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const GRPC_MISCONFIGURED: ReadonlySet<number> = new Set([5, 7, 12, 16]);
const GRPC_RESOURCE_EXHAUSTED = 8;
const GRPC_LAST = 16;

const HTTP_REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
/** The stock exporters retry these themselves, and then do not pass the status on; other exporters may. */
const HTTP_UNAVAILABLE: ReadonlySet<number> = new Set([408, 425, 429]);

/** Reads the outcome of an export. The exporters for OTLP over HTTP and gRPC put the status into `error.code`. */
export function verdictOn({ isSuccess, hasThrown, error }: ExportOutcome): ExportVerdict {
  if (isSuccess) return 'delivered';
  // The exporter cannot handle one of these records: smaller parts will show which.
  if (hasThrown === true) return 'refused';
  try {
    return verdictOf(error as FailedExport | undefined);
  } catch {
    // A getter of the foreign error threw.
    return 'unavailable';
  }
}

interface FailedExport {
  readonly code?: unknown;
  readonly message?: unknown;
}

function verdictOf(error: FailedExport | undefined): ExportVerdict {
  const code = error?.code;
  // The retries are used up, the time ran out, or the code names a network or TLS error.
  if (typeof code !== 'number') return 'unavailable';
  if (code <= GRPC_LAST) return grpcVerdict(code, typeof error?.message === 'string' ? error.message : '');
  if (code >= 500 || HTTP_UNAVAILABLE.has(code)) return 'unavailable';
  if (HTTP_REFUSED.has(code)) return 'refused';
  return code >= 300 ? 'misconfigured' : 'unavailable';
}

function grpcVerdict(code: number, message: string): ExportVerdict {
  if (GRPC_REFUSED.has(code)) return 'refused';
  // Client and server use it for a message beyond their limit, and also for an exhausted quota.
  if (code === GRPC_RESOURCE_EXHAUSTED) return /larger than max/i.test(message) ? 'refused' : 'unavailable';
  return GRPC_MISCONFIGURED.has(code) ? 'misconfigured' : 'unavailable';
}
