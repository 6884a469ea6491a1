import { withAddress } from './support/docs-address.ts';

/**
 * Bundlers for browsers and edge runtimes get this module in place of every door. It has all names, because those
 * runtimes evaluate server code too (Next.js compiles `instrumentation.ts` for both of its runtimes). Using a name
 * throws an error that says what is wrong.
 */
type Absent = (...args: unknown[]) => never;

/** Throws as soon as it is called, constructed or extended, and not before. */
function absent(name: string): Absent {
  const fail = (): never => {
    throw new SessionLogsError(
      'not_supported',
      `otel-session-logs needs Node.js, Bun or Deno: ${name} was used in a browser or an edge runtime. In Next.js, use it only where process.env.NEXT_RUNTIME === 'nodejs'; for a server, set the bundler's platform to Node.js`,
    );
  };
  return new Proxy(function () {} as unknown as Absent, {
    apply: fail,
    construct: fail,
    // Frameworks look up symbols and the members that every function has.
    get: (target, key) => (typeof key === 'symbol' || key in target ? (Reflect.get(target, key) as unknown) : fail()),
  });
}

/** The same class as in the other doors. */
export class SessionLogsError extends Error {
  override readonly name = 'SessionLogsError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(withAddress(message, code));
    this.code = code;
  }
}

export {
  REASONING_START_TOKEN,
  REASONING_STOP_TOKEN,
  SPECIAL_END_TOKENS,
  SPECIAL_TOKENS,
  STREAM_END_TOKEN,
  STREAM_START_TOKEN,
  TOOL_CALL_END_TOKEN,
  TOOL_CALL_START_TOKEN,
} from './entry/tokens.ts';

// index.ts
export const MemorySessionStore: Absent = absent('MemorySessionStore');
export const SessionLogRecordProcessor: Absent = absent('SessionLogRecordProcessor');
export const SessionLogs: Absent = absent('SessionLogs');
export const SessionReader: Absent = absent('SessionReader');
export const bridgeLogsApi: Absent = absent('bridgeLogsApi');
export const defaultStreamHandler: Absent = absent('defaultStreamHandler');
export const isSessionId: Absent = absent('isSessionId');
export const logEntryInputSchema: Absent = absent('logEntryInputSchema');
export const logEntrySchema: Absent = absent('logEntrySchema');
export const sessionIdOf: Absent = absent('sessionIdOf');
export const sharedSessionLogs: Absent = absent('sharedSessionLogs');
export const signSessionLink: Absent = absent('signSessionLink');
export const startSessionLogs: Absent = absent('startSessionLogs');
export const verifySessionLink: Absent = absent('verifySessionLink');
export const withSession: Absent = absent('withSession');
// export.ts
export const CoalescingLogRecordProcessor: Absent = absent('CoalescingLogRecordProcessor');
export const DateFileLogRecordProcessor: Absent = absent('DateFileLogRecordProcessor');
export const DurableLogRecordProcessor: Absent = absent('DurableLogRecordProcessor');
// redaction.ts
export const patternRedaction: Absent = absent('patternRedaction');
// redis.ts
export const RedisFailure: Absent = absent('RedisFailure');
export const RedisSessionStore: Absent = absent('RedisSessionStore');
// remote.ts
export const RemoteRefusal: Absent = absent('RemoteRefusal');
export const RemoteSessionStore: Absent = absent('RemoteSessionStore');
export const idPart: Absent = absent('idPart');
export const idParts: Absent = absent('idParts');
