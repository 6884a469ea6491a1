import { logs, propagation } from '@opentelemetry/api';
import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { bridgeLogsApi, SessionLogs, startSessionLogs } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { newerLine } from '../support/sdk-lines.ts';
import type { Processor } from '../support/sdk-lines.ts';
import { codesOf, foundOf, withEnvironment } from './diagnosing.ts';

const diagnostics = recordDiagnostics();

const API_LOGS = Symbol.for('io.opentelemetry.js.api.logs');

afterEach(() => {
  logs.disable();
  propagation.disable();
  delete (globalThis as Record<symbol, unknown>)[API_LOGS];
});

const batch = (): Processor => new BatchLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() });

function providerOf(...processors: Processor[]): LoggerProvider {
  const provider = new LoggerProvider({ processors });
  onTestFinished(() => provider.shutdown());
  return provider;
}

/** As an SDK starts: its provider is the global one if there is none, and it registers a propagator in any case. */
function startSdk(...processors: Processor[]): LoggerProvider {
  const provider = providerOf(...processors);
  logs.setGlobalLoggerProvider(provider);
  bridgeLogsApi();
  const { W3CTraceContextPropagator } = newerLine.require('@opentelemetry/core') as {
    W3CTraceContextPropagator: new () => Parameters<typeof propagation.setGlobalPropagator>[0];
  };
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return provider;
}

async function started(options: Parameters<typeof startSessionLogs>[0] = {}): Promise<SessionLogs> {
  const sessions = await startSessionLogs({ file: false, console: false, streamHandler: false, ...options });
  onTestFinished(() => sessions.shutdown());
  return sessions;
}

/** What is told of the other SDK: finding, or line. */
function otherIn(diagnosis: Diagnosis): readonly string[] {
  return [
    ...foundOf(diagnosis, 'other_sdk', 'not_global').map(({ code, problem }) => `${code}: ${problem}`),
    ...diagnosis.checked.filter((line) => line.startsWith('the provider of this instance is')),
  ];
}

describe('a start that is to be global', () => {
  it('and came after an SDK: what other loggers write goes there', async () => {
    startSdk(batch(), batch());
    const diagnosis = await (await started({ registerGlobally: true })).diagnose();
    expect(otherIn(diagnosis)).toEqual([
      'not_global: another logger provider is the global one (with BatchLogRecordProcessor, BatchLogRecordProcessor): what other loggers write does not reach this instance',
    ]);
    expect(diagnosis.findings.find(({ code }) => code === 'not_global')?.fix).toContain(
      'start this instance before that SDK',
    );
    // As it was said at the start.
    expect(diagnostics.lines.join()).toContain('another logger provider is already the global one');
  });

  it('and came after a provider without processors, or of another kind', async () => {
    startSdk();
    expect(otherIn(await (await started({ registerGlobally: true })).diagnose()).join()).toContain(
      'is the global one (with no processor)',
    );
    logs.disable();
    class CloudLogs {
      readonly getLogger = (): { emit(): void } => ({ emit: () => {} });
    }
    logs.setGlobalLoggerProvider(new CloudLogs() as never);
    expect(otherIn(await (await started({ registerGlobally: true })).diagnose()).join()).toContain(
      'is the global one (with CloudLogs)',
    );
  });

  it('is it, where no SDK has left its mark', async () => {
    const sessions = await started({ registerGlobally: true });
    // A provider that was made and is not registered is no SDK.
    providerOf(batch());
    expect(otherIn(await sessions.diagnose())).toEqual(['the provider of this instance is the global one']);
  });

  it('and came before an SDK: its exporters get nothing, unless its logs are switched off', async () => {
    const sessions = await started({ registerGlobally: true });
    startSdk(batch());
    const diagnosis = await sessions.diagnose();
    // Providers of other test files may be alive.
    expect(otherIn(diagnosis).join()).toMatch(
      /^other_sdk: an SDK was started after this instance, with (?:a logger provider|\d+ logger providers) of its own\. /,
    );
    expect(diagnosis.findings.find(({ code }) => code === 'other_sdk')?.fix).toContain('set OTEL_LOGS_EXPORTER=none');
    withEnvironment({ OTEL_LOGS_EXPORTER: 'none' });
    expect(otherIn(await sessions.diagnose())).toEqual(['the provider of this instance is the global one']);
  });

  it('is not looked at where it is not to be global', async () => {
    startSdk(batch());
    expect(otherIn(await (await started()).diagnose())).toEqual([]);
  });
});

describe('an instance with a provider of the application', () => {
  it('that is not the global one: what other loggers write goes to that one', async () => {
    startSdk(batch());
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const provider = providerOf(sessions.processor, batch());
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual(['other_sdk']);
    expect(diagnosis.findings[0]).toMatchObject({
      problem:
        'the provider of this instance is not the global one, which another SDK has registered (with BatchLogRecordProcessor): what other loggers write goes to that one, and does not come to this instance',
      fix: expect.stringContaining('leave `loggerProvider` out') as string,
    });
  });

  it('that is not the global one, which has this processor too', async () => {
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    startSdk(sessions.processor, batch());
    const provider = providerOf(sessions.processor, batch());
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual(['other_sdk']);
    expect(diagnosis.findings[0]).toMatchObject({
      problem: expect.stringContaining('which has this processor too, and not to the exporters of this one') as string,
      fix: expect.stringMatching(/^start one SDK, with the exporters of both/) as string,
    });
  });

  it('whose processor is in two SDKs: the exporters of the second get nothing', async () => {
    const sessions = new SessionLogs();
    startSdk(sessions.processor, batch());
    startSdk(sessions.processor, batch());
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual(['other_sdk']);
    expect(diagnosis.findings[0]?.problem).toBe(
      "this instance's processor is in 2 providers, of which the one of the SDK that was started first is the global one: the processors and exporters of the other (SessionLogRecordProcessor, BatchLogRecordProcessor) get no records",
    );
  });

  it('whose processor is in two providers, of which no SDK has registered one', async () => {
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const [provider] = [providerOf(sessions.processor, batch()), providerOf(sessions.processor, batch())];
    expect(codesOf(await sessions.diagnose())).toEqual([]);
  });

  it('whose processor is in the SDK that was started second', async () => {
    const sessions = new SessionLogs();
    startSdk(batch());
    startSdk(sessions.processor, batch());
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual(['not_attached']);
    expect(diagnosis.findings[0]).toMatchObject({
      problem:
        "this instance's processor is in the provider of an SDK, but another SDK was started first, and its provider is the global one: it has BatchLogRecordProcessor",
      fix: expect.stringMatching(/^start one SDK only/) as string,
    });
  });
});
