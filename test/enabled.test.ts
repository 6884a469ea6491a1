import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { ConsoleLogRecordProcessor } from '../src/export/console/console.ts';
import { CoalescingLogRecordProcessor, DateFileLogRecordProcessor, DurableLogRecordProcessor } from '../src/export.ts';
import { QueuedLogRecordProcessor } from '../src/export/delivery/queued.ts';
import { SessionLogRecordProcessor } from '../src/facade/session-processor.ts';
import { GatedLogRecordProcessor } from '../src/start/gated-processor.ts';
import { MemorySessionStore } from '../src/store/memory/memory.ts';
import { recordDiagnostics } from './support/diagnostics.ts';
import { sdkLines } from './support/sdk-lines.ts';
import type { Processor, SdkLine } from './support/sdk-lines.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const TRACE = 1;
const INFO = 9;
const WARN = 13;

/** A destination that takes warnings only, and has no session. */
function fileOfWarnings(): DateFileLogRecordProcessor {
  return new DateFileLogRecordProcessor({ directory: temporaryDirectory(), minimumSeverity: WARN });
}

function batchOf({ sdk }: SdkLine): QueuedLogRecordProcessor {
  const exporter = new sdk.InMemoryLogRecordExporter();
  return new QueuedLogRecordProcessor({ exporter });
}

/** What `logger.enabled()` of a provider with this processor answers for a severity, until it is shut down. */
const ANSWERS: Readonly<
  Record<string, { make: (line: SdkLine) => Processor; none: boolean; unspecified: boolean; info: boolean }>
> = {
  'the session processor, which holds every severity': {
    make: () => new SessionLogRecordProcessor({ store: new MemorySessionStore() }),
    none: true,
    unspecified: true,
    info: true,
  },
  'the daily file with a minimum': { make: fileOfWarnings, none: true, unspecified: true, info: false },
  'the console, which prints no chunks': {
    make: () => new ConsoleLogRecordProcessor('pretty'),
    none: true,
    unspecified: false,
    info: true,
  },
  'the durable processor': {
    make: ({ sdk }) =>
      new DurableLogRecordProcessor({ directory: temporaryDirectory(), exporter: new sdk.InMemoryLogRecordExporter() }),
    none: true,
    unspecified: true,
    info: true,
  },
  'the batch processor': { make: batchOf, none: true, unspecified: true, info: true },
  'the coalescing processor before an exporter': {
    make: (line) => new CoalescingLogRecordProcessor({ processor: batchOf(line) }),
    none: true,
    unspecified: true,
    info: true,
  },
  'the coalescing processor before a daily file with a minimum': {
    make: () => new CoalescingLogRecordProcessor({ processor: fileOfWarnings() }),
    none: true,
    unspecified: true,
    info: false,
  },
  'a started pipeline: its sessions hold what its branches leave out': {
    make: () =>
      new GatedLogRecordProcessor(new SessionLogRecordProcessor({ store: new MemorySessionStore() }), [
        { processor: fileOfWarnings(), minimumSeverity: WARN },
      ]),
    none: true,
    unspecified: true,
    info: true,
  },
};

describe.each(sdkLines)('whether a log would go anywhere, on SDK %s', (_name, line) => {
  const diagnostics = recordDiagnostics();

  it.each(Object.entries(ANSWERS))('%s', async (_what, { make, none, unspecified, info }) => {
    const processor = make(line);
    onTestFinished(() => processor.shutdown());
    const logger = new line.sdk.LoggerProvider({ processors: [processor] }).getLogger('enabled');
    expect({
      none: logger.enabled(),
      unspecified: logger.enabled({ severityNumber: 0 }),
      info: logger.enabled({ severityNumber: INFO }),
      warn: logger.enabled({ severityNumber: WARN }),
    }).toEqual({ none, unspecified, info, warn: true });
    await processor.shutdown();
    expect([logger.enabled(), logger.enabled({ severityNumber: WARN })]).toEqual([false, false]);
  });

  it('what is not enabled is not written, and what is written is enabled', async () => {
    const file = fileOfWarnings();
    onTestFinished(() => file.shutdown());
    const onEmit = vi.spyOn(file, 'onEmit');
    const logger = new line.sdk.LoggerProvider({ processors: [file] }).getLogger('enabled');
    for (const severityNumber of [TRACE, INFO, WARN, undefined]) {
      logger.emit({ body: 'x', ...(severityNumber === undefined ? {} : { severityNumber }) });
    }
    await file.forceFlush();
    expect(file.stats()).toMatchObject({ written: 2, lost: {} });
    expect(onEmit).toHaveBeenCalledTimes(2);
  });

  it('a processor that throws when it is asked stops no log', () => {
    const inner = {
      enabled: () => {
        throw new Error('asked');
      },
      onEmit: vi.fn<() => void>(),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    const processor = new CoalescingLogRecordProcessor({ processor: inner });
    onTestFinished(() => processor.shutdown());
    const logger = new line.sdk.LoggerProvider({ processors: [processor] }).getLogger('enabled');
    expect(logger.enabled({ severityNumber: INFO })).toBe(true);
    logger.emit({ body: 'x', severityNumber: INFO, context: ROOT_CONTEXT });
    expect(inner.onEmit).toHaveBeenCalledOnce();
    expect(diagnostics.lines.filter((text) => text.includes('threw in enabled'))).toHaveLength(1);
  });

  it('the coalescing processor passes on what it is asked', () => {
    const enabled = vi.fn<NonNullable<Processor['enabled']>>(() => false);
    const inner = { enabled, onEmit() {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
    const processor = new CoalescingLogRecordProcessor({ processor: inner });
    onTestFinished(() => processor.shutdown());
    const logger = new line.sdk.LoggerProvider({ processors: [processor] }).getLogger('enabled');
    const asked = { severityNumber: WARN, eventName: 'an.event', context: ROOT_CONTEXT };
    expect(logger.enabled(asked)).toBe(false);
    expect(enabled).toHaveBeenCalledWith(expect.objectContaining(asked));
  });
});
