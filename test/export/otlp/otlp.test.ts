import { symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { QueuedLogRecordProcessor } from '../../../src/export/delivery/queued.ts';
import { importOtlpExporter, otlpTarget, requireOtlpExporter } from '../../../src/export/otlp/otlp.ts';
import type { OtlpTarget } from '../../../src/export/otlp/otlp.ts';
import type { LogRecordExporter } from '../../../src/otel/log-record.ts';
import { importLogsSdk, logsSdkOf, requireLogsSdk } from '../../../src/otel/logs-sdk.ts';
import type { LogsSdk } from '../../../src/otel/logs-sdk.ts';
import type { OtelLine } from '../../../src/otel/sdk-line.ts';
import { makeApplication } from '../../support/application.ts';
import type { Application } from '../../support/application.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { newerLine, olderLine, sdkLines } from '../../support/sdk-lines.ts';

const HTTP = '@opentelemetry/exporter-logs-otlp-http';
const SDK = '@opentelemetry/sdk-logs';
const diagnostics = recordDiagnostics();
const applications: Application[] = [];
const originalMain = process.argv[1] ?? '';

beforeEach(() => vi.unstubAllEnvs());
afterEach(() => {
  vi.unstubAllEnvs();
  process.argv[1] = originalMain;
  for (const application of applications.splice(0)) application.remove();
});

/** Makes this process look as if it had started with that application's main module. */
function runAs(options: Parameters<typeof makeApplication>[0]): Application {
  const application = makeApplication(options);
  applications.push(application);
  process.argv[1] = application.main;
  return application;
}

describe('otlpTarget', () => {
  it('is undefined, without a word, when no endpoint is configured', () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', ' ');
    expect(otlpTarget(undefined)).toBeUndefined();
    expect(diagnostics.lines).toEqual([]);
  });

  it.each([
    ['http://localhost:4318', 'http://localhost:4318/v1/logs'],
    ['https://otel.example/base/', 'https://otel.example/base/v1/logs'],
    ['http://localhost:4318/?tenant=a', 'http://localhost:4318/v1/logs?tenant=a'],
    ['http://localhost:4318/v1/logs', 'http://localhost:4318/v1/logs'],
    ['https://otel.example/base/v1/logs/', 'https://otel.example/base/v1/logs'],
    ['https://otel.example/xv1/logs', 'https://otel.example/xv1/logs/v1/logs'],
  ])('appends /v1/logs to the base URL %s, where it does not end so', (endpoint, url) => {
    expect(otlpTarget(endpoint)).toEqual({ protocol: 'http/json', url });
  });

  it.each(['', 'localhost:4318', 'collector', 'ftp://host'])('refuses %j as an endpoint and shows it', (endpoint) => {
    expect(() => otlpTarget(endpoint)).toThrow(TypeError);
    expect(() => otlpTarget(endpoint)).toThrow(
      `\`endpoint\` to be a URL such as "http://localhost:4318", got ${JSON.stringify(endpoint)} (string)`,
    );
  });

  it.each(['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'])('leaves %s to the exporter', (name) => {
    vi.stubEnv(name, 'http://localhost:4318');
    expect(otlpTarget(undefined)).toEqual({ protocol: 'http/json', url: undefined });
  });

  it('prints no credentials of an endpoint that is no URL', () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'user:secret@localhost:4318?key=secret');
    expect(otlpTarget(undefined)).toBeUndefined();
    expect(diagnostics.lines).toEqual([expect.stringContaining('is not a URL: "localhost:4318"')]);
    expect(() => otlpTarget('ftp://user:secret@localhost/?key=secret')).toThrow(
      /got "ftp:\/\/localhost\/" \(string\) \(docs: \S+\)$/,
    );
  });

  it('warns once and exports nothing when the endpoint of the environment is no URL', () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318');
    expect(otlpTarget(undefined)).toBeUndefined();
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain('OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "localhost:4318"');
  });

  it.each([
    ['OTEL_SDK_DISABLED', 'true'],
    ['OTEL_SDK_DISABLED', 'TRUE'],
    ['OTEL_LOGS_EXPORTER', 'none'],
    ['OTEL_LOGS_EXPORTER', 'console'],
  ])('makes no exporter with %s=%s', (name, value) => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:4318');
    vi.stubEnv(name, value);
    expect(otlpTarget(undefined)).toBeUndefined();
    expect(otlpTarget('http://localhost:4318')).toBeUndefined();
    expect(() => otlpTarget('nonsense')).toThrow(TypeError);
  });

  it.each([
    ['OTEL_LOGS_EXPORTER', 'console, otlp'],
    ['OTEL_SDK_DISABLED', 'false'],
  ])('makes one with %s=%s', (name, value) => {
    vi.stubEnv(name, value);
    expect(otlpTarget('http://localhost:4318')).toBeDefined();
  });

  it('takes the protocol of the signal before the general one, and http/json for an unknown one', () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc');
    expect(otlpTarget('http://localhost:4317')).toEqual({ protocol: 'grpc', url: 'http://localhost:4317/' });
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4317');
    expect(otlpTarget(undefined)).toEqual({ protocol: 'grpc', url: undefined });
    vi.stubEnv('OTEL_EXPORTER_OTLP_LOGS_PROTOCOL', 'http/protobuf');
    expect(otlpTarget('http://localhost:4318')?.protocol).toBe('http/protobuf');
    vi.stubEnv('OTEL_EXPORTER_OTLP_LOGS_PROTOCOL', 'smoke');
    expect(otlpTarget('http://localhost:4318')?.protocol).toBe('http/json');
    expect(diagnostics.lines).toContainEqual(expect.stringContaining('is "smoke", which is none of'));
  });
});

/** How the packages of an application are loaded. */
interface Way {
  readonly sdk: () => LogsSdk | Promise<LogsSdk>;
  readonly exporter: (target: OtlpTarget, line: OtelLine) => LogRecordExporter | Promise<LogRecordExporter>;
}

const IMPORT: Way = { sdk: importLogsSdk, exporter: importOtlpExporter };
const REQUIRE: Way = { sdk: requireLogsSdk, exporter: requireOtlpExporter };

describe.each(
  sdkLines.flatMap(([name, line]) => [
    [name, 'imported', line, IMPORT] as const,
    [name, 'required', line, REQUIRE] as const,
  ]),
)('the packages of an application on line %s, %s', (name, _how, line, way) => {
  const packages = [SDK, HTTP, '@opentelemetry/exporter-logs-otlp-proto', '@opentelemetry/exporter-logs-otlp-grpc'];

  it('are found beside its main module', async () => {
    runAs({ line, packages });
    expect((await way.sdk()).line).toBe(name);
  });

  it('give a resource with OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, and what is given on top', async () => {
    runAs({ line, packages });
    vi.stubEnv('OTEL_SERVICE_NAME', 'shop');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test,team=a');
    const sdk = await way.sdk();
    const resource = sdk.createResource();
    expect(resource.attributes).toMatchObject({
      'service.name': 'shop',
      'deployment.environment.name': 'test',
      team: 'a',
      'telemetry.sdk.name': 'opentelemetry',
    });
    expect(sdk.createResource({ team: 'b' }).attributes).toMatchObject({ 'service.name': 'shop', team: 'b' });
    expect(sdk.createResource(sdk.createResource({ team: 'c' })).attributes).toMatchObject({ team: 'c' });
  });

  it.each([
    ['http/json', 'application/json'],
    ['http/protobuf', 'application/x-protobuf'],
  ] as const)('export over %s', async (protocol, contentType) => {
    runAs({ line, packages });
    const receiver = await startOtlpReceiver();
    try {
      const sdk = await way.sdk();
      const exporter = await way.exporter({ protocol, url: receiver.logsUrl }, sdk.line);
      await emitThrough(sdk, exporter);
      expect(receiver.records().map((record) => record.body)).toEqual(['hello']);
      expect(receiver.requests[0]?.headers['content-type']).toBe(contentType);
    } finally {
      await receiver.close();
    }
  });

  it('leave endpoint and headers of the environment to the exporter', async () => {
    runAs({ line, packages });
    const receiver = await startOtlpReceiver();
    try {
      vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
      vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-tenant=acme');
      vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', '');
      const sdk = await way.sdk();
      const target = otlpTarget(undefined);
      await emitThrough(sdk, await way.exporter(target ?? { protocol: 'grpc', url: '' }, sdk.line));
      expect(receiver.records()).toHaveLength(1);
      expect(receiver.requests[0]?.headers['x-tenant']).toBe('acme');
    } finally {
      await receiver.close();
    }
  });

  it('speak gRPC', async () => {
    runAs({ line, packages });
    const exporter = await way.exporter({ protocol: 'grpc', url: 'http://127.0.0.1:1' }, line.name);
    expect(exporter.constructor.name).toBe('OTLPLogExporter');
    await exporter.shutdown();
  });
});

describe.each([
  ['imported', IMPORT],
  ['required', REQUIRE],
])('packages that do not fit, %s', (_how, way) => {
  it('an exporter of the other line is passed over for one that fits', async () => {
    runAs({ fakes: { [HTTP]: '0.223.1' } });
    const exporter = await way.exporter({ protocol: 'http/json', url: 'http://localhost/v1/logs' }, '3.x');
    expect(exporter.constructor.name).toBe('OTLPLogExporter');
    await exporter.shutdown();
  });

  it('an exporter that fits nowhere is an error with the install command', async () => {
    runAs({ fakes: { [HTTP]: '0.57.2' } });
    const making = async (): Promise<unknown> =>
      way.exporter({ protocol: 'http/json', url: 'http://localhost' }, '0.2xx');
    const error = await making().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'SessionLogsError', code: 'exporter_not_found' });
    expect((error as Error).message).toContain(`${HTTP} 0.57.2 does not fit 0.2xx`);
    expect((error as Error).message).toContain(`npm install ${HTTP}@^0.223.1`);
  });

  it('an SDK older than 0.220 is passed over', async () => {
    runAs({ fakes: { [SDK]: '0.57.2' } });
    expect((await way.sdk()).line).toBe('3.x');
  });

  it('the working directory is looked at when the main module has no packages', async () => {
    const application = runAs({});
    const other = makeApplication({ line: olderLine, packages: [SDK] });
    applications.push(other);
    vi.spyOn(process, 'cwd').mockReturnValue(other.folder);
    try {
      expect((await way.sdk()).line).toBe('0.2xx');
      process.argv[1] = `${application.folder}/gone.js`;
      expect((await way.sdk()).line).toBe('0.2xx');
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('a main module started through a link is looked for where it lies', async () => {
    const application = runAs({ line: olderLine, packages: [SDK] });
    const elsewhere = makeApplication({});
    applications.push(elsewhere);
    const bin = join(elsewhere.folder, 'bin.js');
    symlinkSync(application.main, bin);
    process.argv[1] = bin;
    expect((await way.sdk()).line).toBe('0.2xx');
  });
});

describe.each(sdkLines)('the SDK of line %s, handed in', (name, { sdk }) => {
  it('is known by its resource, also where a bundler put its exports under `default`', () => {
    expect(logsSdkOf(sdk).line).toBe(name);
    expect(logsSdkOf({ default: sdk } as never).line).toBe(name);
  });
});

it('what a literal import gives is taken where it is of the line that the application has', async () => {
  runAs({ line: newerLine, packages: [SDK] });
  expect((await importLogsSdk()).LoggerProvider).toBe(newerLine.sdk.LoggerProvider);
  expect(requireLogsSdk().LoggerProvider).not.toBe(newerLine.sdk.LoggerProvider);
});

describe('attributes of the environment', () => {
  it.each([
    ['team=a%2Cb, x=1 ,', { team: 'a,b', x: '1' }],
    ['team=a,broken', {}],
    ['team=a,x=1=2', {}],
    ['team=%ZZ', {}],
    ['=a', {}],
  ])('%j: decoded, or discarded as a whole and reported', (text, expected) => {
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', text);
    const { attributes } = requireLogsSdk().createResource({ own: 'o' });
    const { team, x, own } = attributes;
    expect(Object.fromEntries(Object.entries({ team, x }).filter(([, value]) => value !== undefined))).toEqual(
      expected,
    );
    expect(own).toBe('o');
    expect(diagnostics.lines).toHaveLength(Object.keys(expected).length === 0 ? 1 : 0);
  });
});

async function emitThrough(sdk: LogsSdk, exporter: LogRecordExporter): Promise<void> {
  const processor = new QueuedLogRecordProcessor({
    exporter,
  });
  const provider = new sdk.LoggerProvider({ resource: sdk.createResource(), processors: [processor] });
  provider.getLogger('test').emit({ body: 'hello' });
  await provider.forceFlush();
  await provider.shutdown();
}
