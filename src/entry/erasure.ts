/** What the collector has acknowledged of a session, as far as the processes that were asked know. */
export interface ExportedRecords {
  readonly records: number;
  /** The times of the oldest and the newest of them, ISO 8601, UTC; `undefined` when there is none. */
  readonly firstTimestamp: string | undefined;
  readonly lastTimestamp: string | undefined;
}

/** What became of a session in one place that holds text of sessions. What is left out is nothing. */
export interface ErasedPart {
  readonly file?: { readonly lines: number; readonly files: number };
  readonly spool?: { readonly records: number };
  readonly dead?: { readonly records: number };
  readonly exported?: ExportedRecords;
  readonly unanswered?: number;
  readonly otherProcesses?: number;
  readonly remains?: readonly string[];
}

/** A processor that holds text of sessions: the daily file, a spool, what merges chunks. */
export interface SessionEraser {
  /**
   * Called on all before the first is asked to erase.
   *
   * @throws SessionLogsError `not_erasable` when it cannot tell what belongs to the session.
   */
  checkErasable?(sessionId: string): void;
  /**
   * Erases what it got of the session before the call, and what it wrote of it. What it gets later belongs to a new session
   * of that id. Called again after a failure, or after the process was killed, it erases the rest.
   */
  eraseSession(sessionId: string): Promise<ErasedPart>;
  /** Makes known who holds text in front of it: what another process erases is let go of there too. */
  attachHolder?(holder: SessionHolder): void;
}

/** Holds text of sessions back. */
export interface SessionHolder {
  forget(isMeant: (sessionId: string) => boolean): void;
}

export const NOTHING_EXPORTED: ExportedRecords = { records: 0, firstTimestamp: undefined, lastTimestamp: undefined };

/** Both together. */
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

/** All parts together, each number given. */
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
