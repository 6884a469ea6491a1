import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import type { RoutingLogRecordProcessor } from '../route/processor.ts';

/** What a started instance tells of one of its parts. */
export interface PartFacts {
  /** The daily file's directory. */
  readonly directory?: string;
  /** What exports, or writes. */
  readonly processor?: object;
  /** Whether it is the export that `endpoint` and the environment ask for. */
  readonly isExport?: boolean;
  /** The option `endpoint`. */
  readonly endpoint?: string | undefined;
  /** What of the start failed while the rest went on. */
  readonly problems?: readonly string[];
  /** Whether its provider was to be the global one. */
  readonly isGlobal?: boolean;
}

/** What is looked at. */
export interface DiagnosisSubject {
  readonly processor: RoutingLogRecordProcessor;
  /** Of the application, so it may throw. */
  readonly provider: () => OtelLoggerProvider | undefined;
  readonly lost: Readonly<Record<string, number>>;
  /** Of a started instance; of another one none. */
  readonly parts: readonly PartFacts[];
}

/** The subject with the provider that it has now. */
export interface DiagnosisScene extends Omit<DiagnosisSubject, 'provider'> {
  readonly provider: OtelLoggerProvider | undefined;
  /** What the application's function for the provider threw. */
  readonly providerError: string | undefined;
  /** Whether a start made it, with a provider of its own. */
  readonly isStarted: boolean;
  /** What the parts say, together. */
  readonly facts: PartFacts;
}
