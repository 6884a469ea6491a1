/** An entry, as the main package gives it to readers. */
export interface ViewedEntry {
  /** The ids of a session, sorted as text, are in the order logged. */
  readonly id: string;
  readonly sessionId: string;
  readonly message: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly logType: 'chat' | 'log';
  readonly kind: string;
  readonly streamId?: string;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly eventName?: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

/**
 * The part of `SessionLogs` that the viewer uses. It is structural, so that any copy and version of `otel-session-logs` fits, and
 * the viewer loads none.
 */
export interface ViewedSessions {
  /** Ids of the sessions that the store holds. */
  readonly allSessionsInQueue: readonly string[];
  /** Ids of the sessions that have not ended. */
  readonly allSessionsInQueues: readonly string[];
  readonly isShutDown: boolean;
  followAll(options: {
    readonly from: 'oldest' | { readonly after: string };
    readonly signal: AbortSignal;
    readonly onGap: (gap: { readonly missed: number }) => void;
  }): AsyncIterable<ViewedEntry>;
  followSession(
    sessionId: string,
    options: {
      readonly from: 'start' | { readonly after: string };
      readonly signal: AbortSignal;
      readonly onGap: (gap: { readonly missed: number }) => void;
    },
  ): AsyncIterable<ViewedEntry>;
  flushSession(
    sessionId: string,
    options: { readonly timeoutMillis: number },
  ): Promise<{ readonly deliveredId: string | undefined; readonly pending: number }>;
  stats(): { readonly lost: Readonly<Record<string, number>> };
}
