import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import type { RoutingLogRecordProcessor } from '../route/processor.ts';

/** Facts about one part of a started instance. */
export interface PartFacts {
  /** The processor that exports or writes. */
  readonly processor?: object;
  /** Whether it is the export that `endpoint` and the environment ask for. */
  readonly isExport?: boolean;
  /** The option `endpoint`. */
  readonly endpoint?: string | undefined;
  /** An option of the start that hands in what records go to, for messages. */
  readonly given?: '`exporter`' | '`destinations`' | undefined;
  /** Parts of the start that failed while the rest went on. */
  readonly problems?: readonly string[];
  /** Whether its provider was to be the global one. */
  readonly isGlobal?: boolean;
}

/** The subject of a diagnosis. */
export interface DiagnosisSubject {
  readonly processor: RoutingLogRecordProcessor;
  /** A function of the application, so it may throw. */
  readonly provider: () => OtelLoggerProvider | undefined;
  readonly lost: Readonly<Record<string, number>>;
  /** The parts of a started instance; empty for any other. */
  readonly parts: readonly PartFacts[];
}

/** The subject with its current provider. */
export interface DiagnosisScene extends Omit<DiagnosisSubject, 'provider'> {
  readonly provider: OtelLoggerProvider | undefined;
  /** What the application's function threw instead of returning the provider. */
  readonly providerError: string | undefined;
  /** Whether a start made the instance, with its own provider. */
  readonly isStarted: boolean;
  /** The merged facts of all parts. */
  readonly facts: PartFacts;
}
