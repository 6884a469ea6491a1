/** An entry, as the main package gives it to readers. */
export interface ViewedEntry {
  readonly id: string;
  readonly sessionId: string;
  readonly message: string;
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
 * The part of `SessionLogs` that the viewer reads. Structural, so that any copy and version of `otel-session-logs` fits, and
 * nothing of it is loaded here.
 */
export interface ViewedSessions {
  readonly allSessionsInQueue: readonly string[];
  readonly allSessionsInQueues: readonly string[];
  readonly isShutDown: boolean;
  followAll(options: {
    readonly from: 'oldest';
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
