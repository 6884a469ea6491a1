import { registeredLoggerProviders } from './logs-api.ts';
import type { OtelLoggerProvider } from './logs-api.ts';

/** What a rule of the SDK (`loggerConfigurator`) says of a logger; the older line says `disabled`, the newer `enabled`. */
export interface LoggerRule {
  readonly enabled?: boolean;
  readonly disabled?: boolean;
  readonly minimumSeverity?: number;
  readonly traceBased?: boolean;
}

/** Both SDK lines keep the parts of a provider here; where a later one does not, nothing can be said. */
export interface ProviderInside {
  readonly processors?: readonly unknown[];
  readonly registeredLogRecordProcessors?: readonly unknown[];
  readonly logRecordLimits?: {
    readonly attributeCountLimit?: number;
    readonly attributeValueLengthLimit?: number;
  };
  readonly loggers?: ReadonlyMap<
    string,
    { readonly _instrumentationScope?: { readonly name?: string }; readonly _loggerConfig?: LoggerRule }
  >;
}

export function insideOf(provider: OtelLoggerProvider): ProviderInside | undefined {
  return (innerProvider(provider) as { readonly _sharedState?: ProviderInside })._sharedState;
}

/** The provider that a stand-in of the API leads to; itself when it is none. */
export function innerProvider(provider: OtelLoggerProvider): OtelLoggerProvider {
  return (provider as { _getDelegate?: () => OtelLoggerProvider })._getDelegate?.() ?? provider;
}

/** The processors of a provider, in its order; `undefined` when it does not show them. */
export function processorsOf(provider: OtelLoggerProvider): readonly unknown[] | undefined {
  const inside = insideOf(provider);
  return inside?.processors ?? inside?.registeredLogRecordProcessors;
}

/** The exporter of one of the SDK's own processors, in both lines. */
export function exporterOf(processor: unknown): object | undefined {
  if (typeof processor !== 'object' || processor === null) return undefined;
  const { _exporter: exporter } = processor as { readonly _exporter?: unknown };
  return typeof exporter === 'object' && exporter !== null ? exporter : undefined;
}

/** The global logger provider of another SDK, whose processors export; `undefined` when none is found. */
export function otherExportingProvider(): OtelLoggerProvider | undefined {
  return registeredLoggerProviders().find(exportsLogs);
}

function exportsLogs(provider: OtelLoggerProvider): boolean {
  try {
    return processorsOf(provider)?.some((processor) => exporterOf(processor) !== undefined) ?? false;
  } catch {
    // It is of another make inside.
    return false;
  }
}
