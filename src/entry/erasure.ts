/** Records of a session that the collector acknowledged, as far as the asked processes know. */
export interface ExportedRecords {
  readonly records: number;
  /** Times of the oldest and the newest of them, ISO 8601, UTC; `undefined` if there are none. */
  readonly firstTimestamp: string | undefined;
  readonly lastTimestamp: string | undefined;
}

/** What was erased of a session in one place. A number that is left out is 0. */
export interface ErasedPart {
  readonly file?: { readonly lines: number; readonly files: number };
  readonly spool?: { readonly records: number };
  readonly dead?: { readonly records: number };
  readonly exported?: ExportedRecords;
  readonly unanswered?: number;
  readonly otherProcesses?: number;
  readonly remains?: readonly string[];
}

/** A processor that holds text of sessions: the daily file, a spool, or one that merges chunks. */
export interface SessionEraser {
  /**
   * Called on all before the first is asked to erase.
   *
   * @throws SessionLogsError `not_erasable` if it cannot tell what belongs to the session.
   */
  checkErasable?(sessionId: string): void;
  /**
   * Erases what it got of the session before the call, and what it wrote of that. What it gets later belongs to a new
   * session of that id. Called again after a failure, or after the process was killed, it erases the rest.
   */
  eraseSession(sessionId: string): Promise<ErasedPart>;
  /** Attaches a holder in front of it, which then also drops what another process erases. */
  attachHolder?(holder: SessionHolder): void;
}

/** Something that holds back text of sessions. */
export interface SessionHolder {
  forget(isMeant: (sessionId: string) => boolean): void;
}

export const NOTHING_EXPORTED: ExportedRecords = { records: 0, firstTimestamp: undefined, lastTimestamp: undefined };

/** Adds two counts. */
function addExported(a: ExportedRecords, b: ExportedRecords): ExportedRecords {
  return {
    records: a.records + b.records,
    firstTimestamp: earlier(a.firstTimestamp, b.firstTimestamp),
    lastTimestamp: later(a.lastTimestamp, b.lastTimestamp),
  };
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

/** Adds up all parts, with every number present. */
export function addParts(parts: readonly ErasedPart[]): Required<ErasedPart> {
  const sum = (of: (part: ErasedPart) => number | undefined): number =>
    parts.reduce((total, part) => total + (of(part) ?? 0), 0);
  return {
    file: { lines: sum(({ file }) => file?.lines), files: sum(({ file }) => file?.files) },
    spool: { records: sum(({ spool }) => spool?.records) },
    dead: { records: sum(({ dead }) => dead?.records) },
    exported: parts.flatMap(({ exported }) => exported ?? []).reduce(addExported, NOTHING_EXPORTED),
    unanswered: sum(({ unanswered }) => unanswered),
    otherProcesses: sum(({ otherProcesses }) => otherProcesses),
    remains: [...new Set(parts.flatMap(({ remains }) => remains ?? []))],
  };
}

/** Whether the processor can erase sessions. */
export function isEraser(processor: object): processor is SessionEraser {
  return 'eraseSession' in processor && typeof processor.eraseSession === 'function';
}
