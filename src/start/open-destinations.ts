import { isEraser } from '../entry/erasure.ts';
import type { SessionEraser } from '../entry/erasure.ts';
import { unclaimedErasers } from '../entry/unclaimed-erasers.ts';
import { CoalescingLogRecordProcessor } from '../export/coalescing/coalescing.ts';
import { ConsoleLogRecordProcessor } from '../export/console/console.ts';
import { QueuedLogRecordProcessor } from '../export/delivery/queued.ts';
import { DurableLogRecordProcessor } from '../export/durable/durable.ts';
import { DateFileLogRecordProcessor } from '../export/file/date-file.ts';
import { ForeignLogRecordProcessor } from '../export/foreign-processor.ts';
import type { SessionDelivery } from '../entry/routed-record.ts';
import type { OwnedPart } from '../facade/flush-and-shutdown.ts';
import { isSdkDisabled } from '../otel/environment.ts';
import type { LogRecordExporter, LogRecordProcessor } from '../otel/log-record.ts';
import { addUp } from '../support/loss-counters.ts';
import { reporterFor } from '../support/reporter.ts';
import { escapeControls } from '../support/terminal-text.ts';
import type { StartPlan } from './start-options.ts';

const reporter = reporterFor('start');

/** A processor whose shutdown takes a time limit; the SDK's processors ignore it. */
interface EndableProcessor extends LogRecordProcessor {
  forceFlush(options?: { readonly timeoutMillis?: number }): Promise<void>;
  shutdown(options?: { readonly timeoutMillis?: number }): Promise<void>;
}

/** An open destination, built in or from the application: both have this one shape. */
export interface OpenDestination {
  readonly name: string;
  /** Its name in messages. */
  readonly title: string;
  /** Its `onEmit` never throws, and it shuts down within the given time. */
  readonly processor: EndableProcessor;
  readonly minimumSeverity: number | undefined;
  /** `false`: it gets no records, but is still flushed and shut down. @default true */
  readonly isFed?: boolean;
  lost(): Readonly<Record<string, number>>;
  /** Answers `flushSession`. */
  readonly delivery?: SessionDelivery;
  /** What `diagnose()` looks at. */
  readonly facts?: OwnedPart['facts'];
}

/** The destinations of one start. What this package made for them is discarded when the start fails. */
export class OpenDestinations {
  readonly list: OpenDestination[] = [];
  readonly #made: EndableProcessor[] = [];
  /** Parts of the start that failed while the rest went on, for `diagnose()`; the list may grow. */
  readonly problems: readonly string[];
  #discarding: Promise<unknown> | undefined;

  constructor(problems: readonly string[] = []) {
    this.problems = problems;
  }

  /**
   * Opens the plan's destinations, in the order in which they get each record.
   *
   * @throws The error of the first one that fails; those before it stay open, see {@link discard}.
   */
  open(plan: StartPlan, exporter: LogRecordExporter | undefined): void {
    for (const open of [openExport, openConsole, openFile]) {
      const destination = open(plan, exporter, (processor) => {
        this.#made.push(processor);
        return processor;
      });
      if (destination !== undefined) this.list.push(destination);
    }
    this.list.push(...givenDestinations(plan));
  }

  /** The destinations as parts that the instance flushes, shuts down and counts. */
  get owned(): OwnedPart[] {
    return this.list.map((destination) => ({
      name: destination.title,
      destination: destination.name,
      eraser: eraserOf(destination),
      forceFlush: (timeoutMillis) => destination.processor.forceFlush({ timeoutMillis }),
      shutdown: (timeoutMillis) => destination.processor.shutdown({ timeoutMillis }),
      lost: () => destination.lost(),
      facts: destination.facts ?? {},
    }));
  }

  /**
   * Closes what this package made, after a start that failed; none of it has got a record yet. Resolves when its
   * directories can be used again. Processors of the application stay open, so that it may try again with them.
   */
  discard(): Promise<unknown> {
    return (this.#discarding ??= Promise.allSettled(
      this.#made.map((processor) => processor.shutdown({ timeoutMillis: DISCARD_MILLIS })),
    ));
  }
}

const DISCARD_MILLIS = 1000;

/**
 * `undefined`: it holds no text of sessions, or it belongs to the application and makes itself known with its first
 * record.
 */
function eraserOf({ processor }: OpenDestination): SessionEraser | undefined {
  if (!isEraser(processor)) return undefined;
  unclaimedErasers.delete(processor);
  return processor;
}

/** Notes a processor that holds a directory or a connection, before anything else can fail. */
type Made = <T extends EndableProcessor>(processor: T) => T;

/** `undefined`: the plan has no such destination. */
type Open = (plan: StartPlan, exporter: LogRecordExporter | undefined, made: Made) => OpenDestination | undefined;

const openExport: Open = (plan, exporter, made) => {
  const { spool, selfObsMeterProvider, coalesce = false } = plan;
  if (exporter === undefined || isSdkDisabled()) {
    if (spool !== undefined) {
      reporter.announce(
        '`spool` has no effect, because nothing is exported: set OTEL_EXPORTER_OTLP_ENDPOINT or `endpoint`',
      );
    }
    return undefined;
  }
  const sending = made(
    spool === undefined
      ? new QueuedLogRecordProcessor({ selfObsMeterProvider, exporter })
      : new DurableLogRecordProcessor({ selfObsMeterProvider, ...spool, exporter }),
  );
  const merging =
    coalesce === false
      ? undefined
      : made(new CoalescingLogRecordProcessor({ ...(coalesce === true ? {} : coalesce), processor: sending }));
  const processor = merging ?? sending;
  return {
    name: 'export',
    title: 'the exporter',
    processor,
    minimumSeverity: plan.minimumSeverity.export,
    lost: () => addUp(sending.stats().lost, merging?.stats().lost ?? {}),
    delivery: processor,
    facts: { processor, isExport: true },
  };
};

const openConsole: Open = (plan, _exporter, made) => {
  if (plan.console === false) return undefined;
  const lines = made(new ConsoleLogRecordProcessor(plan.console));
  return {
    name: 'console',
    title: 'the console',
    processor: lines,
    minimumSeverity: plan.minimumSeverity.console,
    lost: () => lines.lost.toJSON(),
  };
};

const openFile: Open = (plan, _exporter, made) => {
  if (plan.file === false) return undefined;
  const { directory, retentionDays, compress, selfObsMeterProvider } = plan;
  const options = plan.file === true ? {} : plan.file;
  const file = made(
    new DateFileLogRecordProcessor({ directory, retentionDays, compress, selfObsMeterProvider, ...options }),
  );
  return {
    name: 'file',
    title: 'the daily file',
    processor: file,
    minimumSeverity: plan.minimumSeverity.file,
    lost: () => file.stats().lost,
    facts: { processor: file },
  };
};

/** With a disabled SDK nothing leaves the process, by any destination. */
function givenDestinations({ destinations }: StartPlan): OpenDestination[] {
  const isFed = !isSdkDisabled();
  return destinations.map(({ name, processor: given, minimumSeverity }) => {
    const title = `the destination "${escapeControls(name)}"`;
    const processor = new ForeignLogRecordProcessor(title, given);
    return { name, title, processor, minimumSeverity, isFed, lost: () => processor.lost(), facts: { processor } };
  });
}
