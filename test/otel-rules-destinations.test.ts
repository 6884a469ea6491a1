import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { DurableLogRecordProcessor } from '../src/export/durable/durable.ts';
import { DateFileLogRecordProcessor } from '../src/export/file/date-file.ts';
import { QueuedLogRecordProcessor } from '../src/export/delivery/queued.ts';
import { ForeignLogRecordProcessor } from '../src/export/foreign-processor.ts';
import { SessionLogRecordProcessor } from '../src/facade/session-processor.ts';
import { GatedLogRecordProcessor } from '../src/start/gated-processor.ts';
import { MemorySessionStore } from '../src/store/memory/memory.ts';
import { describeProcessorRules } from './otel-rules.ts';
import { ManualExporter } from './support/manual-exporter.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

describeProcessorRules('DurableLogRecordProcessor', (_line, { timeoutMillis }) => {
  const exporter = new ManualExporter();
  const processor = new DurableLogRecordProcessor({
    exporter,
    directory: temporaryDirectory(),
    scheduledDelayMillis: 5,
    forceFlushTimeoutMillis: timeoutMillis,
    shutdownTimeoutMillis: timeoutMillis,
  });
  return {
    processor,
    delivered: () => exporter.bodies(),
    lost: () => processor.stats().lost,
    destinationShutdowns: () => exporter.shutdowns,
    hold: () => exporter.hold(),
    release: () => exporter.release(),
    resolvesLateShutdown: true,
  };
});

describeProcessorRules('GatedLogRecordProcessor', (_line, { timeoutMillis }) => {
  const exporter = new ManualExporter();
  const gate = new SessionLogRecordProcessor({ store: new MemorySessionStore() });
  const batch = new QueuedLogRecordProcessor({
    exporter,
    forceFlushTimeoutMillis: timeoutMillis,
    shutdownTimeoutMillis: timeoutMillis,
  });
  return {
    processor: new GatedLogRecordProcessor(gate, [{ processor: batch, minimumSeverity: undefined }]),
    delivered: () => exporter.bodies(),
    lost: () => gate.stats().lost,
    destinationShutdowns: () => exporter.shutdowns,
    hold: () => exporter.hold(),
    release: () => exporter.release(),
  };
});

describeProcessorRules('ForeignLogRecordProcessor', () => {
  const exporter = new ManualExporter();
  const processor = new ForeignLogRecordProcessor('it', new QueuedLogRecordProcessor({ exporter }));
  return {
    processor,
    delivered: () => exporter.bodies(),
    lost: () => processor.lost(),
    destinationShutdowns: () => exporter.shutdowns,
    flush: (timeoutMillis) => processor.forceFlush({ timeoutMillis }),
    shutdownMillis: 10_000,
    hold: () => exporter.hold(),
    release: () => exporter.release(),
  };
});

describeProcessorRules('DateFileLogRecordProcessor', () => {
  const directory = temporaryDirectory();
  const processor = new DateFileLogRecordProcessor({ directory });
  return {
    processor,
    delivered: () =>
      readdirSync(directory)
        .sort()
        .flatMap((name) => messagesOf(join(directory, name))),
    lost: () => processor.stats().lost,
  };
});

/** The messages of a day's file, between the session in brackets and the scope, as the log-line format has them. */
function messagesOf(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => / \[s\] (.*?) \{"otel\.scope\.name"/.exec(line)?.[1] ?? line);
}
