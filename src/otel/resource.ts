import { messageOf } from '../support/errors.ts';
import { reporterFor } from '../support/reporter.ts';
import { environmentValue } from './environment.ts';
import type { LogRecord, LogRecordProcessor } from './log-record.ts';

/** The resource of a record. */
export type Resource = LogRecord['resource'];

/** The SDK's class from whose providers the default resource is read. */
interface ProviderClass {
  new (config: { readonly processors: LogRecordProcessor[] }): {
    getLogger(name: string): { emit(record: object): void };
  };
}

const reporter = reporterFor('resource');

/**
 * The default resource of a provider. Read from a provider, because only the SDK can load `@opentelemetry/resources`
 * under pnpm or in a bundle.
 */
export function defaultResource(LoggerProvider: ProviderClass): Resource {
  const seen: Resource[] = [];
  const done = (): Promise<void> => Promise.resolve();
  const probe: LogRecordProcessor = {
    onEmit: (record) => void seen.push(record.resource),
    forceFlush: done,
    shutdown: done,
  };
  new LoggerProvider({ processors: [probe] }).getLogger('otel-session-logs').emit({});
  const [resource] = seen;
  if (resource === undefined) throw new Error('the provider passed no record to its processor');
  return resource;
}

/** Completes the resource with `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`, overridden by what is given. */
export function completeResource(
  resource: Resource,
  extra: Resource | Readonly<Record<string, unknown>> | undefined,
): Resource {
  const withEnvironment = resource.merge(asResource(environmentAttributes()));
  if (extra === undefined) return withEnvironment;
  return withEnvironment.merge(isResource(extra) ? extra : asResource(extra));
}

function isResource(value: object): value is Resource {
  return typeof (value as { merge?: unknown }).merge === 'function';
}

/** Makes the part of a resource that merging needs. */
function asResource(attributes: Readonly<Record<string, unknown>>): Resource {
  return { getRawAttributes: () => Object.entries(attributes) } as unknown as Resource;
}

/**
 * Follows the specification, https://opentelemetry.io/docs/specs/otel/resource/sdk/: keys and values are
 * percent-encoded, one mistake discards the whole variable, and `OTEL_SERVICE_NAME` takes precedence.
 */
function environmentAttributes(): Record<string, string> {
  const attributes = resourceAttributes(environmentValue('OTEL_RESOURCE_ATTRIBUTES') ?? '');
  const name = environmentValue('OTEL_SERVICE_NAME');
  return name === undefined ? attributes : { ...attributes, 'service.name': name };
}

function resourceAttributes(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  try {
    return Object.fromEntries(
      pairs.map((pair) => {
        const [key = '', value, ...more] = pair.split('=').map((part) => decodeURIComponent(part.trim()));
        if (key === '' || value === undefined || more.length > 0) throw new Error(`expected key=value, got ${pair}`);
        return [key, value];
      }),
    );
  } catch (error) {
    reporter.announce(`OTEL_RESOURCE_ATTRIBUTES is ignored: ${messageOf(error)}`);
    return {};
  }
}
