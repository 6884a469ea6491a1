import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { QueuedLogRecordProcessor } from '../../../src/export/delivery/queued.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../../../src/otel/log-record.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import type { ExportResult } from '../../support/export-result.ts';
import { sdkLines } from '../../support/sdk-lines.ts';
import type { SdkLine } from '../../support/sdk-lines.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

/** Answers an export only when it is flushed, as the exporter of the SDK's own tests does. */
class FlushedExporter implements LogRecordExporter {
  readonly delivered: unknown[] = [];
  flushes = 0;
  exports = 0;
  readonly #held: (() => void)[] = [];
  readonly #answerFlush: () => Promise<void>;

  constructor(answerFlush: () => Promise<void> = () => Promise.resolve()) {
    this.#answerFlush = answerFlush;
  }

  export(records: ReadableLogRecord[], callback: (result: ExportResult) => void): void {
    this.exports += 1;
    this.#held.push(() => {
      this.delivered.push(...records.map(({ body }) => body));
      callback({ code: 0 });
    });
  }

  forceFlush(): Promise<void> {
    this.flushes += 1;
    for (const answer of this.#held.splice(0)) answer();
    return this.#answerFlush();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

type Processor = DurableLogRecordProcessor | QueuedLogRecordProcessor;

/** Ample times: what is not answered in time would be sent again. */
const PROCESSORS: Readonly<Record<string, (exporter: LogRecordExporter) => Processor>> = {
  durable: (exporter) =>
    new DurableLogRecordProcessor({ exporter, directory: join(temporaryDirectory(), 'spool'), maxExportBatchSize: 10 }),
  queued: (exporter) => new QueuedLogRecordProcessor({ exporter, maxExportBatchSize: 10 }),
};

describe.each(Object.entries(PROCESSORS))('%s: an exporter that answers only when it is flushed', (_what, make) => {
  const diagnostics = recordDiagnostics();

  function start({ sdk }: SdkLine, exporter: LogRecordExporter): { processor: Processor; emit: (n: number) => void } {
    const processor = make(exporter);
    onTestFinished(() => processor.shutdown().catch(() => {}));
    const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    return { processor, emit: (n) => logger.emit({ body: n }) };
  }

  test.each(sdkLines)('is flushed while a flush waits, batch by batch, on SDK %s', async (_line, line) => {
    const exporter = new FlushedExporter();
    const { processor, emit } = start(line, exporter);
    for (let n = 0; n < 25; n += 1) emit(n);
    await processor.forceFlush();
    expect(exporter.delivered).toEqual(Array.from({ length: 25 }, (_, n) => n));
    expect(exporter.exports).toBe(3);
  });

  test.each(sdkLines)('also when the export was under way already, on SDK %s', async (_line, line) => {
    const exporter = new FlushedExporter();
    const { processor, emit } = start(line, exporter);
    for (let n = 0; n < 10; n += 1) emit(n);
    await until(() => exporter.exports === 1);
    expect(exporter.flushes).toBe(0);
    await processor.forceFlush();
    expect(exporter.delivered).toHaveLength(10);
  });

  test.each(sdkLines)('and a shutdown flushes it too, on SDK %s', async (_line, line) => {
    const exporter = new FlushedExporter();
    const { processor, emit } = start(line, exporter);
    for (let n = 0; n < 15; n += 1) emit(n);
    await processor.shutdown();
    expect(exporter.delivered).toHaveLength(15);
  });

  test.each(sdkLines)('and fails at that: the records arrive, and it is said, on SDK %s', async (_line, line) => {
    const exporter = new FlushedExporter(() => Promise.reject(new Error('flushed in vain')));
    const { processor, emit } = start(line, exporter);
    emit(1);
    await processor.forceFlush();
    expect(exporter.delivered).toEqual([1]);
    expect(diagnostics.lines.filter((text) => text.includes('forceFlush of the exporter failed'))).toHaveLength(1);
  });

  test.each(sdkLines)(
    'and hangs at that: the records arrive, the flush ends in time, on SDK %s',
    async (_line, line) => {
      const exporter = new FlushedExporter(() => new Promise(() => {}));
      const { processor, emit } = start(line, exporter);
      emit(1);
      await processor.forceFlush({ timeoutMillis: 1_500 });
      expect(exporter.delivered).toEqual([1]);
    },
  );
});
