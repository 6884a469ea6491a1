import { environmentValue, isLogsExporterNone, isOtlpExportDisabled, isSdkDisabled } from '../../otel/environment.ts';
import type { LogRecordExporter } from '../../otel/log-record.ts';
import { choosePeer, exportsOf, remedyFor, requirePeer } from '../../otel/peer-package.ts';
import type { Imported, MissingPeer, Peer } from '../../otel/peer-package.ts';
import { VERSIONS } from '../../otel/sdk-line.ts';
import type { OtelLine } from '../../otel/sdk-line.ts';
import { withoutCredentials } from '../../support/address.ts';
import { describeValue, SessionLogsError } from '../../support/errors.ts';
import { aboutOption } from '../../support/option-names.ts';
import { reporterFor } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';

/** A protocol of OTLP, as in `OTEL_EXPORTER_OTLP_PROTOCOL`. */
export type OtlpProtocol = 'http/json' | 'http/protobuf' | 'grpc';

const EXPORTERS: Readonly<Record<OtlpProtocol, string>> = {
  'http/json': '@opentelemetry/exporter-logs-otlp-http',
  'http/protobuf': '@opentelemetry/exporter-logs-otlp-proto',
  grpc: '@opentelemetry/exporter-logs-otlp-grpc',
};

/** Where the default exporter sends, and by which protocol. */
export interface OtlpTarget {
  readonly protocol: OtlpProtocol;
  /** `undefined`: the exporter reads its environment variables, as it does for headers and certificates. */
  readonly url: string | undefined;
}

interface OtlpExporterModule {
  readonly OTLPLogExporter: new (config?: { readonly url: string }) => LogRecordExporter;
}

const reporter = reporterFor('otlp');

/**
 * Decides whether and where to export logs.
 *
 * Returns `undefined`, for no export, if no endpoint is configured, if `OTEL_SDK_DISABLED` is `true`, if
 * `OTEL_LOGS_EXPORTER` is set without `otlp`, or (with a line on stderr) if the endpoint in the environment is not a
 * URL. The protocol is `OTEL_EXPORTER_OTLP_LOGS_PROTOCOL`, else `OTEL_EXPORTER_OTLP_PROTOCOL`, else `http/json`.
 *
 * @param endpoint A base URL: `/v1/logs` is appended unless it ends with that or the protocol is gRPC.
 * @param isBesideSdk Whether another SDK may run in this process. Then `OTEL_LOGS_EXPORTER=none` may only switch off
 * that SDK's logs in favour of this package, so the endpoint still counts, as an endpoint for logs always does.
 * @throws TypeError if `endpoint` is not an http or https URL.
 */
export function otlpTarget(
  endpoint: string | undefined,
  caller: string = 'startSessionLogs',
  isBesideSdk = false,
): OtlpTarget | undefined {
  const base = endpoint === undefined ? undefined : baseUrl(endpoint, caller);
  if (isSdkDisabled()) return undefined;
  const isForUs = isBesideSdk && (isLogsExporterNone() || isEndpointOfLogs());
  if (isOtlpExportDisabled() && !isForUs) return undefined;
  if (base !== undefined) {
    const protocol = otlpProtocol(reporter);
    return { protocol, url: protocol === 'grpc' ? base.href : logsUrl(base).href };
  }
  return isEndpointInEnvironment() ? { protocol: otlpProtocol(reporter), url: undefined } : undefined;
}

/** Whether the environment has an endpoint for logs only. */
export function isEndpointOfLogs(): boolean {
  return environmentValue('OTEL_EXPORTER_OTLP_LOGS_ENDPOINT') !== undefined;
}

function baseUrl(endpoint: string, caller: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  const received = describeValue(withoutCredentials(endpoint));
  const message = `${caller}: expected \`endpoint\` to be a URL such as "http://localhost:4318", got ${received}`;
  throw new TypeError(aboutOption(message, ['endpoint']));
}

/** The URL to which an OTLP/HTTP exporter sends logs. */
export function logsUrl(base: URL): URL {
  const url = new URL(base);
  // Documentation of collectors shows the whole address as often as the base.
  url.pathname = `${base.pathname.replace(/\/+$/, '').replace(/\/v1\/logs$/, '')}/v1/logs`;
  return url;
}

function isEndpointInEnvironment(): boolean {
  // As in the exporters, the signal's own variable, if set, decides alone.
  for (const name of ['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
    const value = environmentValue(name);
    if (value === undefined) continue;
    if (isEndpoint(value)) {
      if (name === 'OTEL_EXPORTER_OTLP_ENDPOINT' && /\/v1\/logs\/?$/.test(value)) {
        reporter.announce(`${name} ends with /v1/logs, which is appended again: remove it from the variable`);
      }
      return true;
    }
    reporter.announce(
      `${name} is not a URL: ${JSON.stringify(withoutCredentials(value))}; no logs are exported: set it to a URL such as http://localhost:4318`,
    );
    return false;
  }
  return false;
}

function isEndpoint(value: string): boolean {
  if (URL.canParse(value) && /^https?:\/\//i.test(value)) return true;
  // gRPC also accepts a target without a scheme, and a socket.
  return otlpProtocol() === 'grpc' && (value.startsWith('unix:') || URL.canParse(`https://${value}`));
}

function otlpProtocol(warnTo?: Reporter): OtlpProtocol {
  for (const name of ['OTEL_EXPORTER_OTLP_LOGS_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const value = environmentValue(name);
    if (value === undefined) continue;
    if (Object.hasOwn(EXPORTERS, value)) return value as OtlpProtocol;
    warnTo?.announce(
      `${name} is ${JSON.stringify(value)}, which is none of ${Object.keys(EXPORTERS).join(', ')}; using http/json`,
    );
    break;
  }
  return 'http/json';
}

/**
 * Makes the exporter for a target, from the package that the application has for its SDK line, installed or in the same
 * bundle. Only the exporter of `http/json` gets into bundles by itself.
 *
 * @throws SessionLogsError `exporter_not_found`, with the reason and what to do.
 */
export async function importOtlpExporter(target: OtlpTarget, line: OtelLine): Promise<LogRecordExporter> {
  const name = EXPORTERS[target.protocol];
  if (target.protocol !== 'http/json') return requireOtlpExporter(target, line);
  return exporterOf(choosePeer(name, await importHttpExporter(), line), target, line);
}

async function importHttpExporter(): Promise<Imported<OtlpExporterModule>> {
  try {
    return { module: await import('@opentelemetry/exporter-logs-otlp-http') };
  } catch (error) {
    return { error };
  }
}

/** The same, synchronously, where nothing is bundled. */
export function requireOtlpExporter(target: OtlpTarget, line: OtelLine): LogRecordExporter {
  return exporterOf(requirePeer<OtlpExporterModule>(EXPORTERS[target.protocol], line), target, line);
}

function exporterOf(peer: Peer<OtlpExporterModule>, target: OtlpTarget, line: OtelLine): LogRecordExporter {
  if (!('module' in peer)) throw exporterNotFound(EXPORTERS[target.protocol], line, peer);
  const { OTLPLogExporter } = exportsOf(peer.module, 'OTLPLogExporter');
  return target.url === undefined ? new OTLPLogExporter() : new OTLPLogExporter({ url: target.url });
}

function exporterNotFound(name: string, line: OtelLine, peer: MissingPeer): SessionLogsError {
  const fix = remedyFor(peer, `npm install ${name}@${VERSIONS[line].exporter}`, 'an `exporter`');
  return new SessionLogsError('exporter_not_found', `${name} ${peer.reason}: ${fix}`, { cause: peer.cause });
}
