import { CoalescingLogRecordProcessor } from '../export/coalescing/coalescing.ts';
import { ConsoleLogRecordProcessor } from '../export/console/console.ts';
import { stdoutTerminal } from '../export/console/terminal.ts';
import { QueuedLogRecordProcessor } from '../export/delivery/queued.ts';
import { DurableLogRecordProcessor } from '../export/durable/durable.ts';
import { DateFileLogRecordProcessor } from '../export/file/date-file.ts';
import type { OwnedPart } from '../facade/flush-and-shutdown.ts';
import type { SessionLogs } from '../facade/session-logs.ts';
import { newInstance } from '../facade/shared-session-logs.ts';
import { isSdkDisabled } from '../otel/environment.ts';
import type { LogRecordExporter, LogRecordProcessor } from '../otel/log-record.ts';
import { registerLoggerProvider } from '../otel/logs-api.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import type { LogsSdk } from '../otel/logs-sdk.ts';
import type { Resource } from '../otel/resource.ts';
import { addUp } from '../support/loss-counters.ts';
import { reporterFor } from '../support/reporter.ts';
import { nextMicrotask } from '../support/timers.ts';
import type { StreamHandler } from '../write/stream-handler.ts';
import { GatedLogRecordProcessor } from './gated-processor.ts';
import type { Branch } from './gated-processor.ts';
import type { Peers } from './peers.ts';
import { signalEndings } from './signal-endings.ts';
import type { DailyFileOptions, StartPlan } from './start-options.ts';

const reporter = reporterFor('start');

/**
 * Starts what is planned, at once: what `node --import` starts has to be there before the application's first line.
 *
 * @param parts Where the destinations are put. When this throws they are discarded, which takes a moment.
 */
export function startNow(plan: StartPlan, { sdk, exporter }: Peers, parts: Parts = new Parts()): SessionLogs {
  const resource = sdk.createResource(plan.resource);
  try {
    if (exporter !== undefined && !isSdkDisabled()) addExport(parts, exporter, plan);
    else if (plan.spool !== undefined) reporter.warn('`spool` has no effect: nothing is exported');
    if (plan.console !== false) {
      const lines = new ConsoleLogRecordProcessor(plan.console);
      parts.add('the console', lines, plan.minimumSeverity.console, () => ({}));
    }
    if (plan.file !== false) addFile(parts, plan.file === true ? {} : plan.file, plan);
    return assemble(plan, sdk, resource, parts);
  } catch (error) {
    void parts.discard();
    throw error;
  }
}

/** The destinations, as branches of the pipeline and as what the instance flushes and shuts down. */
export class Parts {
  readonly branches: Branch[] = [];
  readonly owned: OwnedPart[] = [];
  readonly #made = new Set<EndableProcessor>();
  #discarding: Promise<unknown> | undefined;

  /** Notes what holds a directory or a connection, before anything else can fail. */
  made(processor: EndableProcessor): void {
    this.#made.add(processor);
  }

  add(
    name: string,
    processor: EndableProcessor,
    minimumSeverity: number | undefined,
    lost: OwnedPart['lost'],
    facts: NonNullable<OwnedPart['facts']> = {},
  ): void {
    this.made(processor);
    this.branches.push({ processor, minimumSeverity });
    this.owned.push({
      name,
      forceFlush: (timeoutMillis) => processor.forceFlush({ timeoutMillis }),
      shutdown: (timeoutMillis) => processor.shutdown({ timeoutMillis }),
      lost,
      facts,
    });
  }

  /** The start failed: what was made has got no record yet. Resolves when its directories can be used again. */
  discard(): Promise<unknown> {
    return (this.#discarding ??= Promise.allSettled(
      [...this.#made].map((processor) => processor.shutdown({ timeoutMillis: DISCARD_MILLIS })),
    ));
  }
}

const DISCARD_MILLIS = 1000;

interface EndableProcessor extends LogRecordProcessor {
  shutdown(options?: { timeoutMillis?: number }): Promise<void>;
}

function addFile(parts: Parts, options: DailyFileOptions, plan: StartPlan): void {
  const { directory, retentionDays, compress, selfObsMeterProvider } = plan;
  const file = new DateFileLogRecordProcessor({ directory, retentionDays, compress, selfObsMeterProvider, ...options });
  const { directory: path } = file;
  parts.add('the daily file', file, plan.minimumSeverity.file, () => file.stats().lost, { directory: path });
}

function addExport(parts: Parts, exporter: LogRecordExporter, plan: StartPlan): void {
  const { spool, selfObsMeterProvider } = plan;
  const processor =
    spool === undefined
      ? new QueuedLogRecordProcessor({ selfObsMeterProvider, exporter })
      : new DurableLogRecordProcessor({ selfObsMeterProvider, ...spool, exporter });
  const lost = (): Readonly<Record<string, number>> => processor.stats().lost;
  parts.made(processor);
  const { coalesce = false } = plan;
  const facts = { endpoint: plan.endpoint };
  if (coalesce === false) {
    parts.add('the exporter', processor, plan.minimumSeverity.export, lost, facts);
    return;
  }
  const merging = new CoalescingLogRecordProcessor({ ...(coalesce === true ? {} : coalesce), processor });
  parts.add('the exporter', merging, plan.minimumSeverity.export, () => addUp(lost(), merging.stats().lost), facts);
}

function assemble(plan: StartPlan, sdk: LogsSdk, resource: Resource, parts: Parts): SessionLogs {
  const { store, redact, sessionIdKeys, sessionId, baggage, selfObsMeterProvider } = plan;
  const streamHandler = plan.streamHandler ?? (process.stdout.isTTY ? showChunk : false);
  const place = new ProcessPlace();
  const instance = newInstance();
  const { sessions } = instance;
  const provider = new sdk.LoggerProvider({
    resource,
    processors: [new GatedLogRecordProcessor(sessions.processor, parts.branches)],
  });
  const loggerProvider = (): OtelLoggerProvider => provider;
  instance.take(
    { store, redact, sessionIdKeys, sessionId, baggage, selfObsMeterProvider, streamHandler, loggerProvider },
    [...parts.owned, place],
  );
  place.take(sessions, plan.registerGlobally ? provider : undefined);
  if (plan.shutdownOnSignal) place.endOnSignal(sessions);
  return sessions;
}

/** Chunks beside each other on a terminal. */
const showChunk: StreamHandler = (message, sessionId) => stdoutTerminal().chunk(message, sessionId);

/** What a started instance has in its process: the hook at its end, and perhaps the global provider. */
class ProcessPlace implements OwnedPart {
  readonly name = "the process's hooks";
  #onBeforeExit: (() => void) | undefined = undefined;
  #unregister: (() => void) | undefined = undefined;
  #onShutdown: (() => void) | undefined = undefined;

  take(sessions: SessionLogs, globalProvider: OtelLoggerProvider | undefined): void {
    this.#onBeforeExit = () => {
      sessions.shutdown().catch((error: unknown) => reporter.warn('the shutdown at exit was not complete', error));
    };
    process.once('beforeExit', this.#onBeforeExit);
    if (globalProvider === undefined) return;
    this.#unregister = registerLoggerProvider(globalProvider);
    if (this.#unregister === undefined) {
      reporter.warn('another logger provider is the global one already: `registerGlobally` has no effect');
    }
  }

  endOnSignal(sessions: SessionLogs): void {
    const ending = (): Promise<void> => sessions.shutdown();
    signalEndings().add(ending);
    this.#onShutdown = () => {
      // Only when the rest is shut down as well: until then a signal has to wait for it.
      nextMicrotask(() => void Promise.allSettled([ending()]).then(() => signalEndings().remove(ending)));
    };
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    stdoutTerminal().flush();
    this.#onShutdown?.();
    if (this.#onBeforeExit !== undefined) process.off('beforeExit', this.#onBeforeExit);
    this.#unregister?.();
    return Promise.resolve();
  }

  lost(): Record<string, number> {
    return {};
  }
}
