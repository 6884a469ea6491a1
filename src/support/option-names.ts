import { withAddress } from './docs-address.ts';
import { escapeControls } from './terminal-text.ts';

const READER = 'from until logType minimumSeverity tokens wait idleTimeoutMillis signal onGap';
const SESSION = 'store redact sessionIdKeys sessionId baggage selfObsMeterProvider';
const SHOWN = 'map keepAliveMillis retryMillis onError authorize maxReadersPerClient';
const EVENTS = `${SHOWN} lastEventId request`;
const TAP = 'map signal export read attributes';
const READERS = 'maxReaders maxReadersPerSession reservedShare';

/**
 * The options of each call, to tell a caller where an unknown option belongs. They are listed here rather than with the
 * calls because most calls are not loaded when one of them is called wrongly; the test of this file compares both.
 */
export const OPTIONS_OF: Readonly<Record<string, string>> = {
  startSessionLogs:
    `${SESSION} directory file retentionDays compress endpoint sdk exporter spool console streamHandler destinations resource ` +
    'coalesce minimumSeverity registerGlobally shutdownOnSignal',
  SessionLogs: `${SESSION} streamHandler loggerProvider durable`,
  SessionLogRecordProcessor: SESSION,
  logChunkToQueue: 'kind logType attributes timestamp streamId exception export read',
  logger: 'exception',
  tap: TAP,
  consume: TAP,
  getSessionLogs: READER,
  followSession: READER,
  followAll: READER.replace(' wait', ''),
  toReadableStream: READER,
  pop: 'idleTimeoutMillis signal onGap',
  toEventStreamResponse: `${READER} ${EVENTS} response`,
  sendEventStream: `${READER} ${EVENTS}`,
  eventStreamHandler: `${READER} ${SHOWN} sessionId lastEventId cors`,
  replaySession: 'speed signal',
  recordSessionLogs: 'redact coalesce',
  patternRedaction: 'maxHeldChars holdMillis',
  getAllLogsInQueue: 'sessionId limit',
  distribute: 'finite signal',
  forceFlush: 'timeoutMillis',
  flushSession: 'timeoutMillis',
  shutdown: 'timeoutMillis',
  until: 'timeoutMillis',
  MemorySessionStore: `maxEntriesPerSession maxBytesPerSession overflow maxBytes maxSessions ${READERS} idleTtlMillis endedTtlMillis now`,
  RedisSessionStore: `client prefix answerLeaseMillis maxEntriesPerSession idleTtlMillis endedTtlMillis maxPendingEntries maxPendingBytes maxSessions ${READERS}`,
  DateFileLogRecordProcessor:
    'directory fileName format sessionOfLine attributes fileMode directoryMode currentLink maxFileBytes retentionDays compress ' +
    'maxPendingBytes fsync now minimumSeverity selfObsMeterProvider',
  DurableLogRecordProcessor:
    'exporter directory maxBytes flush fsync fsyncIntervalMillis maxExportBatchSize scheduledDelayMillis ' +
    'exportTimeoutMillis maxQueueSize disableAutoFlushOnDocumentHide shutdownTimeoutMillis forceFlushTimeoutMillis ' +
    'maxAgeMillis maxDeadBytes whenDiskFull onLoss recordUid now selfObsMeterProvider',
  CoalescingLogRecordProcessor: 'processor maxChars maxDelayMillis content',
};

/** The option of a start that takes a destination's options. */
const WITHIN_START: Readonly<Record<string, string>> = {
  DateFileLogRecordProcessor: 'file',
  DurableLogRecordProcessor: 'spool',
  CoalescingLogRecordProcessor: 'coalesce',
};

/**
 * Hints by call, for names that no option is similar to, or that would otherwise be taken for another call's option.
 */
const MEANT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  startSessionLogs: {
    url: '`endpoint`',
    headers: 'OTEL_EXPORTER_OTLP_HEADERS, or an `exporter` that has them',
    serviceName: "`resource: { 'service.name': ... }`, or OTEL_SERVICE_NAME",
  },
  followAll: { sessionId: '`followSession(sessionId)`, which reads one session' },
};

/** The anchor of the table that has them all. */
const EVERY_OPTION = 'every-option-by-name';

/** Members of the option `from`, in each call that has it. */
const WITHIN_FROM: ReadonlySet<string> = new Set(['after', 'last']);

/** The most calls that a message names. */
const MAX_CALLS = 3;

/**
 * Makes the error for a call with unknown options. For each one it says where it belongs, which one may be meant, or
 * which options there are.
 *
 * @param known The options that exist at that place.
 * @param prefix Prefix of a place within an option, such as `'minimumSeverity.'`.
 */
export function unknownOptions(
  owner: string,
  names: readonly string[],
  known: readonly string[],
  prefix = '',
): TypeError {
  const described = names.map((name) => {
    const shown = escapeControls(name.length > 80 ? `${name.slice(0, 77)}...` : name);
    const hint = prefix === '' ? hintFor(owner, name, known) : nearHint(name, known, prefix);
    return `\`${prefix}${shown}\`${hint === undefined ? '' : `: ${hint}`}`;
  });
  return new TypeError(withAddress(`${owner}: unknown option ${described.join('; ')}`, EVERY_OPTION));
}

/** The message about the value of an option, with where the documents describe it. Its path may lead into the option. */
export function aboutOption(message: string, [option = '', within = '']: readonly string[]): string {
  const isOfDestination = Object.entries(WITHIN_START).some(
    ([call, name]) => name === option && namesIn(OPTIONS_OF[call] ?? '').includes(within),
  );
  const name = isOfDestination ? within : option;
  return callsWith(name).length === 0 ? message : withAddress(message, `option-${name}`);
}

function hintFor(owner: string, name: string, checked: readonly string[]): string | undefined {
  // Some calls validate their options in parts.
  const known = [...new Set([...checked, ...namesIn(OPTIONS_OF[owner] ?? '')])];
  const meant = meantBy(owner, name, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  const calls = callsWith(name);
  if (calls.length > 0) return `it belongs to ${placesOf(owner, calls)}`;
  if (nearestName(name, known) !== undefined) return nearHint(name, known);
  const elsewhere = nearestName(name, Object.values(OPTIONS_OF).flatMap(namesIn));
  if (elsewhere === undefined) return nearHint(name, known);
  return `did you mean \`${elsewhere}\`? It belongs to ${placesOf(owner, callsWith(elsewhere))}`;
}

function meantBy(owner: string, name: string, known: readonly string[]): string | undefined {
  const meant = MEANT[owner];
  if (meant !== undefined && Object.hasOwn(meant, name)) return meant[name];
  // The wait of a reader, which the options of the flushes would be nearer to.
  if (known.includes('idleTimeoutMillis') && lettersOf(name).startsWith('timeout')) return '`idleTimeoutMillis`';
  // `followAll` does not take `last`.
  const isWithin = known.includes('from') && WITHIN_FROM.has(name) && (owner !== 'followAll' || name === 'after');
  return isWithin ? `\`from: { ${name} }\`` : undefined;
}

function nearHint(name: string, known: readonly string[], prefix = ''): string | undefined {
  const near = nearestName(name, known);
  if (near !== undefined) return `did you mean \`${prefix}${near}\`?`;
  if (known.length === 0) return undefined;
  return `there ${known.length === 1 ? 'is only' : 'are'} ${known.map((each) => `\`${each}\``).join(', ')}`;
}

function callsWith(name: string): string[] {
  return Object.keys(OPTIONS_OF).filter((call) => namesIn(OPTIONS_OF[call] ?? '').includes(name));
}

function placesOf(owner: string, calls: readonly string[]): string {
  const places = calls.map((call) => {
    const option = owner === 'startSessionLogs' ? WITHIN_START[call] : undefined;
    return option === undefined ? call : `\`${option}\` (${call})`;
  });
  const more = places.length > MAX_CALLS ? ', ...' : '';
  return `${places.slice(0, MAX_CALLS).join(', ')}${more}`;
}

function namesIn(names: string): string[] {
  return names.split(' ').filter((name) => name !== '');
}

/** The option with the most similar name; `undefined` if none is similar. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const given = lettersOf(name);
  if (given.length > 64) return undefined;
  let best: string | undefined;
  let least = Infinity;
  for (const option of known) {
    const letters = lettersOf(option);
    const distance = distanceOf(given, letters);
    const isNear = distance <= Math.max(1, Math.floor(letters.length / 3)) || isShortFor(given, letters);
    if (!isNear || distance >= least) continue;
    best = option;
    least = distance;
  }
  return best;
}

/** `log_type` and `logtype` are `logType`. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[\W_]/g, '');
}

/**
 * Whether it abbreviates an option, like `timeoutMs` for `timeoutMillis`: the letters in order, and at least half of
 * them.
 */
function isShortFor(short: string, option: string): boolean {
  if (short.length < 4 || 2 * short.length < option.length) return false;
  let found = 0;
  for (const letter of option) if (letter === short[found]) found += 1;
  return found === short.length;
}

/** The number of letters that have to be changed, added, removed or swapped with their neighbour. */
function distanceOf(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isExchanged = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isExchanged && row > 1 && column > 1 ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[other.length] ?? 0;
}
