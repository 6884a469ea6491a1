import { BatchLogRecordProcessor, InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { startSessionLogs } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { processorThat } from '../support/sdk-lines.ts';
import { codesOf, collector, foundOf, instanceBefore, withEnvironment } from './diagnosing.ts';

recordDiagnostics();

type Environment = Readonly<Record<string, string>>;

/** `URL` in a value stands for the address of a collector. */
async function inEnvironment(values: Environment, diagnosed: () => Promise<Diagnosis>): Promise<Diagnosis> {
  const { url } = await collector();
  withEnvironment(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.replace('URL', url)])));
  return diagnosed();
}

/** Of what `register` and `startSessionLogs()` start. */
async function started(options: Parameters<typeof startSessionLogs>[0] = {}): Promise<Diagnosis> {
  const sessions = await startSessionLogs({ file: false, console: false, streamHandler: false, ...options });
  onTestFinished(() => sessions.shutdown());
  return sessions.diagnose();
}

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const LOGS_ENDPOINT = 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT';

describe('the environment of a start', () => {
  it.each<[Environment, string, string]>([
    [
      { OTEL_SDK_DISABLED: 'TRUE', [ENDPOINT]: 'URL' },
      'OTEL_SDK_DISABLED=true: nothing is exported, although OTEL_EXPORTER_OTLP_ENDPOINT is set',
      'remove OTEL_SDK_DISABLED',
    ],
    [
      { OTEL_SDK_DISABLED: 'true', [ENDPOINT]: 'URL', [LOGS_ENDPOINT]: 'URL' },
      'OTEL_SDK_DISABLED=true: nothing is exported, although OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is set',
      'remove OTEL_SDK_DISABLED',
    ],
    [
      { OTEL_SDK_DISABLED: 'true', OTEL_LOGS_EXPORTER: 'otlp' },
      'OTEL_SDK_DISABLED=true: nothing is exported, although OTEL_LOGS_EXPORTER is set',
      'remove OTEL_SDK_DISABLED',
    ],
    [
      { OTEL_LOGS_EXPORTER: 'console', [ENDPOINT]: 'URL' },
      'OTEL_LOGS_EXPORTER=console switches off the export that OTEL_EXPORTER_OTLP_ENDPOINT asks for',
      'remove OTEL_LOGS_EXPORTER from the environment, or set it to otlp',
    ],
    [
      { OTEL_LOGS_EXPORTER: 'otlp, none', [LOGS_ENDPOINT]: 'URL' },
      'OTEL_LOGS_EXPORTER=otlp, none switches off the export that OTEL_EXPORTER_OTLP_LOGS_ENDPOINT asks for',
      'remove OTEL_LOGS_EXPORTER from the environment, or set it to otlp',
    ],
    [
      { OTEL_LOGS_EXPORTER: 'console,otlp' },
      'OTEL_LOGS_EXPORTER includes otlp, but no endpoint is set: nothing is exported',
      'set OTEL_EXPORTER_OTLP_ENDPOINT to the address of the collector',
    ],
    [
      { [ENDPOINT]: 'user:secret@collector:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "collector:4318"; nothing is exported',
      'such as http://localhost:4318',
    ],
    [
      { [ENDPOINT]: 'ftp://collector' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "ftp://collector"; nothing is exported',
      'such as http://localhost:4318',
    ],
    [
      { [ENDPOINT]: 'http:collector:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "http:collector:4318"; nothing is exported',
      'such as http://localhost:4318',
    ],
    [
      { [ENDPOINT]: 'http:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "http:4318"; nothing is exported',
      'such as http://localhost:4318',
    ],
    [
      { [ENDPOINT]: 'collector:4318', OTEL_LOGS_EXPORTER: 'otlp' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "collector:4318"; nothing is exported',
      'such as http://localhost:4318',
    ],
    [
      { [ENDPOINT]: 'collector:4318', [LOGS_ENDPOINT]: '4318' },
      'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is not a URL: "4318"; nothing is exported',
      'such as http://localhost:4318',
    ],
    [
      // That of logs decides alone, although the general one could be used.
      { [ENDPOINT]: 'URL', [LOGS_ENDPOINT]: '4318' },
      'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is not a URL: "4318"; nothing is exported',
      'such as http://localhost:4318',
    ],
  ])('%j: %s', async (values, problem, fix) => {
    const diagnosis = await inEnvironment(values, started);
    expect(codesOf(diagnosis)).toEqual(['environment']);
    expect(foundOf(diagnosis, 'environment')).toMatchObject([{ problem, fix: expect.stringContaining(fix) as string }]);
    expect(String(diagnosis)).not.toContain('secret');
    expect(diagnosis.checked).toContain('the instance has no exporter');
  });

  it('with the option `endpoint`: names the option', async () => {
    const { url } = await collector();
    const options = { endpoint: url };
    const values = { OTEL_LOGS_EXPORTER: 'none' };
    expect(foundOf(await inEnvironment(values, () => started(options)), 'environment')[0]?.problem).toBe(
      'OTEL_LOGS_EXPORTER=none switches off the export that `endpoint` asks for',
    );
    withEnvironment({ OTEL_SDK_DISABLED: 'true' });
    expect(foundOf(await started(options), 'environment')[0]?.problem).toBe(
      'OTEL_SDK_DISABLED=true: nothing is exported, although `endpoint` is set',
    );
  });

  it.each([
    ['`exporter`', { exporter: new InMemoryLogRecordExporter() }],
    ['`destinations`', { destinations: [{ name: 'own', processor: processorThat(() => {}) }] }],
  ])('with a disabled SDK: names the option %s too', async (name, options) => {
    const diagnosis = await inEnvironment({ OTEL_SDK_DISABLED: 'true' }, () => started(options));
    expect(foundOf(diagnosis, 'environment').map(({ problem }) => problem)).toEqual([
      `OTEL_SDK_DISABLED=true: nothing is exported, although ${name} is set`,
    ]);
  });

  it.each<Environment>([
    {},
    { OTEL_SDK_DISABLED: 'true' },
    { OTEL_LOGS_EXPORTER: 'none' },
    { OTEL_LOGS_EXPORTER: 'console' },
    { [ENDPOINT]: '', [LOGS_ENDPOINT]: ' ', OTEL_LOGS_EXPORTER: '' },
    { [ENDPOINT]: 'URL' },
    { [ENDPOINT]: 'collector', [LOGS_ENDPOINT]: 'URL/v1/logs', OTEL_LOGS_EXPORTER: 'otlp' },
    { [ENDPOINT]: 'HTTP://127.0.0.1:1', [LOGS_ENDPOINT]: 'URL/v1/logs' },
  ])('%j: nothing is wrong', async (values) => {
    expect(codesOf(await inEnvironment(values, started))).toEqual([]);
  });

  it('with an export to another exporter of the program: variables that only a start reads are not wrong', async () => {
    const options = { exporter: new InMemoryLogRecordExporter() };
    expect(codesOf(await inEnvironment({ OTEL_LOGS_EXPORTER: 'otlp' }, () => started(options)))).toEqual([]);
  });
});

describe('the environment of an application with a provider of its own', () => {
  const own = (): Promise<Diagnosis> =>
    instanceBefore(new BatchLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() })).diagnose();

  it.each<Environment>([
    { OTEL_LOGS_EXPORTER: 'none', [ENDPOINT]: 'URL' },
    { OTEL_LOGS_EXPORTER: 'otlp' },
    { [ENDPOINT]: 'collector:4318' },
  ])('%j: its exporters decide', async (values) => {
    expect(codesOf(await inEnvironment(values, own))).toEqual([]);
  });

  it('is told of a disabled SDK', async () => {
    const diagnosis = await inEnvironment({ OTEL_SDK_DISABLED: 'true', [ENDPOINT]: 'URL' }, own);
    expect(codesOf(diagnosis)).toEqual(['environment']);
  });
});

describe('what is told of the environment', () => {
  it('the variables that concern logs, without credentials, and no other', async () => {
    withEnvironment({
      OTEL_EXPORTER_OTLP_ENDPOINT: ' https://user:secret@collector.example:4318/base?key=secret ',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=secret',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'secret',
      LOGS_PATH: '/var/log/app',
      OTEL_LOGS_EXPORTER: '',
    });
    const diagnosis = await instanceBefore().diagnose();
    expect(diagnosis.checked).toContain(
      'the environment has OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example:4318/base, OTEL_EXPORTER_OTLP_PROTOCOL=http/json, LOGS_PATH=/var/log/app',
    );
    expect(String(diagnosis)).not.toContain('secret');
  });

  it('that there are none', async () => {
    expect((await instanceBefore().diagnose()).checked).toContain(
      'the environment has none of the variables that concern logs',
    );
  });
});
