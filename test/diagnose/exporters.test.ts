import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import {
  BatchLogRecordProcessor,
  ConsoleLogRecordExporter,
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { deliveryFacts } from '../../src/export/delivery/delivery-facts.ts';
import { DateFileLogRecordProcessor, DurableLogRecordProcessor } from '../../src/export.ts';
import { QueuedLogRecordProcessor } from '../../src/export/delivery/queued.ts';
import { SessionLogs, startSessionLogs } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { failure, ScriptedExporter } from '../support/scripted-exporter.ts';
import { processorThat } from '../support/sdk-lines.ts';
import type { Processor } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { codesOf, collector, foundOf, instanceBefore, withEnvironment } from './diagnosing.ts';

recordDiagnostics();

function ended<T extends { shutdown(options?: { readonly timeoutMillis?: number }): Promise<void> }>(processor: T): T {
  onTestFinished(() => processor.shutdown({ timeoutMillis: 100 }).catch(() => {}));
  return processor;
}

describe('a provider without an exporter', () => {
  it('exports nothing, and the environment is named that asks for it', async () => {
    const [found] = foundOf(await instanceBefore().diagnose(), 'no_exporter');
    expect(found?.problem).toBe(
      'no processor of the provider exports: records reach only the sessions of this process',
    );
    expect(found?.fix).toContain('logRecordProcessors: [sessions.processor, new BatchLogRecordProcessor(');
    for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_LOGS_EXPORTER']) {
      withEnvironment({ [name]: 'http://127.0.0.1:1' });
      expect(foundOf(await instanceBefore().diagnose(), 'no_exporter')[0]?.problem).toMatch(
        new RegExp(`^no processor of the provider exports, although ${name} is set: an SDK that gets`),
      );
    }
  });

  it('with OTEL_LOGS_EXPORTER=none asks for no export by that', async () => {
    withEnvironment({ OTEL_LOGS_EXPORTER: 'none' });
    expect(foundOf(await instanceBefore().diagnose(), 'no_exporter')[0]?.problem).not.toContain('although');
  });

  it('but with a daily file is as intended, unless the environment asks for an export', async () => {
    const file = (): Processor => ended(new DateFileLogRecordProcessor({ directory: temporaryDirectory() }));
    expect(codesOf(await instanceBefore(file()).diagnose())).toEqual([]);
    withEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
    expect(codesOf(await instanceBefore(file()).diagnose())).toEqual(['no_exporter']);
  });

  it('that has no processor at all is told once what is wrong', async () => {
    const provider = new LoggerProvider();
    const sessions = new SessionLogs({ loggerProvider: () => provider });
    expect(codesOf(await sessions.diagnose())).toEqual(['not_attached']);
  });

  it('that a start made is as intended', async () => {
    const sessions = ended(await startSessionLogs({ file: false, console: false, streamHandler: false }));
    const diagnosis = await sessions.diagnose();
    expect(codesOf(diagnosis)).toEqual([]);
    expect(diagnosis.checked).toContain('the instance has no exporter');
  });
});

describe('the exporters of a provider', () => {
  it('are told with where they send, and how much waits', async () => {
    const { url } = await collector();
    const batch = new BatchLogRecordProcessor({
      exporter: new OTLPLogExporter({ url: `${url}/v1/logs` }),
      maxQueueSize: 600,
      scheduledDelayMillis: 3_600_000,
    });
    const sessions = instanceBefore(
      new SimpleLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() }),
      ended(batch),
      ended(new QueuedLogRecordProcessor({ exporter: new ScriptedExporter() })),
    );
    await sessions.logChunkToQueue('one', 's');
    const { checked, unchecked } = await sessions.diagnose();
    expect(checked.filter((line) => line.includes('exports with'))).toEqual([
      'SimpleLogRecordProcessor exports with InMemoryLogRecordExporter: it has no queue',
      `BatchLogRecordProcessor exports with OTLPLogExporter to ${url}/v1/logs: 1 of at most 600 records wait`,
      'QueuedLogRecordProcessor exports with ScriptedExporter: 0 records exported, 1 wait',
    ]);
    expect(unchecked).toEqual(['where ScriptedExporter sends records: it does not show it']);
  });

  it('that write to the output of the process, or keep records, send nothing anywhere', async () => {
    const diagnosis = await instanceBefore(
      new SimpleLogRecordProcessor({ exporter: new ConsoleLogRecordExporter() }),
    ).diagnose();
    expect([codesOf(diagnosis), diagnosis.unchecked]).toEqual([[], []]);
  });

  it('are those of destinations too, of a start', async () => {
    const { url, requests } = await collector({ answer: { status: 404 } });
    const [own, second] = ['/v1/logs', '/second'].map((path) => new OTLPLogExporter({ url: `${url}${path}` })) as [
      OTLPLogExporter,
      OTLPLogExporter,
    ];
    class Teller {
      onEmit(): void {}
      forceFlush(): Promise<void> {
        return Promise.resolve();
      }
      shutdown(): Promise<void> {
        return Promise.resolve();
      }
    }
    const sessions = ended(
      await startSessionLogs({
        exporter: own,
        destinations: [
          { name: 'second', processor: new BatchLogRecordProcessor({ exporter: second }) },
          { name: 'teller', processor: new Teller() },
        ],
        file: false,
        console: false,
        streamHandler: false,
      }),
    );
    const diagnosis = await sessions.diagnose();
    expect(foundOf(diagnosis, 'wrong_path').map(({ problem }) => problem.split(' ')[0])).toEqual([
      `${url}/v1/logs`,
      `${url}/second`,
    ]);
    expect(requests).toHaveLength(2);
    expect(diagnosis.unchecked).toEqual(['where Teller sends records: it does not show an exporter']);
  });

  it('that wait for a foreign processor are not accused', async () => {
    const diagnosis = await instanceBefore(processorThat(() => {})).diagnose();
    expect(codesOf(diagnosis)).toEqual([]);
    expect(diagnosis.unchecked).toEqual(['where Object sends records: it does not show an exporter']);
  });
});

describe('the last export', () => {
  async function afterExport(processor: QueuedLogRecordProcessor | DurableLogRecordProcessor): Promise<SessionLogs> {
    const sessions = instanceBefore(ended(processor));
    await sessions.logChunkToQueue('one', 's');
    processor.forceFlush({ timeoutMillis: 100 }).catch(() => {});
    await until(() => deliveryFacts.of(processor)?.lastAnswer !== undefined);
    return sessions;
  }

  it.each([
    [200, undefined],
    [401, /failed \(misconfigured\): .* \(401\); 1 records wait$/],
    [400, /failed \(refused\): .* \(400\); 0 records wait$/],
  ] as const)('to a collector that answered %d', async (status, problem) => {
    const { logsUrl } = await collector({ answer: { status } });
    const exporter = new OTLPLogExporter({ url: logsUrl });
    const diagnosis = await (await afterExport(new QueuedLogRecordProcessor({ exporter }))).diagnose();
    const [found] = foundOf(diagnosis, 'export_failing');
    if (problem === undefined) {
      expect(found).toBeUndefined();
      expect(diagnosis.checked.join('\n')).toMatch(/^the last export, \d+ s ago, was acknowledged$/m);
    } else {
      expect(found?.problem).toMatch(/^the last export, \d+ s ago, /);
      expect(found?.problem).toMatch(problem);
    }
  });

  it.each([
    [failure('ECONNREFUSED', 'down'), 'failed (unavailable): down (ECONNREFUSED); 1', 'keeps trying'],
    [failure(undefined, 'down'), 'failed (unavailable): down; 1', 'keeps trying'],
    [failure(16, 'key'), 'failed (misconfigured): key (16); 1', 'correct the address or the credentials'],
    [undefined, 'failed (unavailable): the exporter answered with code 1 (number); 1', 'keeps trying'],
  ])('that failed with %s, with what to do', async (error, problem, fix) => {
    const exporter = new ScriptedExporter(() => error);
    const sessions = await afterExport(new QueuedLogRecordProcessor({ exporter }));
    expect(foundOf(await sessions.diagnose(), 'export_failing')).toMatchObject([
      {
        problem: expect.stringContaining(`${problem} records wait`) as string,
        fix: expect.stringContaining(fix) as string,
      },
    ]);
  });

  it('of a spool that failed, and is made up for', async () => {
    const exporter = new ScriptedExporter(() => failure(503));
    const processor = new DurableLogRecordProcessor({ exporter, directory: temporaryDirectory() });
    const sessions = await afterExport(processor);
    expect(foundOf(await sessions.diagnose(), 'export_failing')[0]?.problem).toContain('(unavailable)');
    exporter.answer = () => 'ok';
    await processor.forceFlush();
    expect(codesOf(await sessions.diagnose())).toEqual([]);
  });

  it('is not told of while there was none', async () => {
    const processor = ended(new QueuedLogRecordProcessor({ exporter: new ScriptedExporter() }));
    expect(String(await instanceBefore(processor).diagnose())).not.toContain('the last export');
  });
});
