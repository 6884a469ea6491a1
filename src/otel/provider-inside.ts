import { registeredLoggerProviders } from './logs-api.ts';
import type { OtelLoggerProvider } from './logs-api.ts';

/** A rule of the SDK (`loggerConfigurator`) for a logger; the older line has `disabled`, the newer `enabled`. */
export interface LoggerRule {
  readonly enabled?: boolean;
  readonly disabled?: boolean;
  readonly minimumSeverity?: number;
  readonly traceBased?: boolean;
}

/** Where both SDK lines keep the parts of a provider; if a later one does not, nothing is known of them. */
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

/** The provider behind a proxy of the API; itself if it is not a proxy. */
export function innerProvider(provider: OtelLoggerProvider): OtelLoggerProvider {
  return (provider as { _getDelegate?: () => OtelLoggerProvider })._getDelegate?.() ?? provider;
}

/** The processors of a provider, in order; `undefined` if it does not show them. */
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

/** The global logger provider of another SDK with exporting processors; `undefined` if none is found. */
export function otherExportingProvider(): OtelLoggerProvider | undefined {
  return registeredLoggerProviders().find(exportsLogs);
}

function exportsLogs(provider: OtelLoggerProvider): boolean {
  try {
    return processorsOf(provider)?.some((processor) => exporterOf(processor) !== undefined) ?? false;
  } catch {
    // It has another structure inside.
    return false;
  }
}
