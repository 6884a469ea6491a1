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

/** A processor that can be ended in a given time, which those of the SDK ignore. */
interface EndableProcessor extends LogRecordProcessor {
  forceFlush(options?: { readonly timeoutMillis?: number }): Promise<void>;
  shutdown(options?: { readonly timeoutMillis?: number }): Promise<void>;
}

/** A destination as a start has it: the built-in ones and those of the application are made of this one piece. */
export interface OpenDestination {
  readonly name: string;
  /** What messages call it. */
  readonly title: string;
  /** Never throws in `onEmit`, and ends in the time that it is given. */
  readonly processor: EndableProcessor;
  readonly minimumSeverity: number | undefined;
  /** `false`: it gets no record, and is flushed and shut down all the same. @default true */
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
  /** What of the start failed while the rest went on, for `diagnose()`; it may grow. */
  readonly problems: readonly string[];
  #discarding: Promise<unknown> | undefined;

  constructor(problems: readonly string[] = []) {
    this.problems = problems;
  }

  /**
   * Opens those of the plan, in the order in which they get each record.
   *
   * @throws What is wrong with one; those before it are open then, see {@link discard}.
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

  /** Each as what the instance flushes, shuts down and counts. */
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
   * The start failed: what was made has got no record yet. Resolves when its directories can be used again. What the
   * application gave stays open: it may try again with it.
   */
  discard(): Promise<unknown> {
    return (this.#discarding ??= Promise.allSettled(
      this.#made.map((processor) => processor.shutdown({ timeoutMillis: DISCARD_MILLIS })),
    ));
  }
}

const DISCARD_MILLIS = 1000;

/** `undefined`: it holds no text of sessions, or it is one of the application's, which makes itself known with its first record. */
function eraserOf({ processor }: OpenDestination): SessionEraser | undefined {
  if (!isEraser(processor)) return undefined;
  unclaimedErasers.delete(processor);
  return processor;
}

/** Notes what holds a directory or a connection, before anything else can fail. */
type Made = <T extends EndableProcessor>(processor: T) => T;

/** `undefined`: the plan has none. */
type Open = (plan: StartPlan, exporter: LogRecordExporter | undefined, made: Made) => OpenDestination | undefined;

const openExport: Open = (plan, exporter, made) => {
  const { spool, selfObsMeterProvider, coalesce = false } = plan;
  if (exporter === undefined || isSdkDisabled()) {
    if (spool !== undefined) {
      reporter.announce(
        '`spool` has no effect, since nothing is exported: set OTEL_EXPORTER_OTLP_ENDPOINT or `endpoint`',
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
    facts: { directory: file.directory },
  };
};

/** With a disabled SDK nothing leaves the process, whoever would send it. */
function givenDestinations({ destinations }: StartPlan): OpenDestination[] {
  const isFed = !isSdkDisabled();
  return destinations.map(({ name, processor: given, minimumSeverity }) => {
    const title = `the destination "${escapeControls(name)}"`;
    const processor = new ForeignLogRecordProcessor(title, given);
    return { name, title, processor, minimumSeverity, isFed, lost: () => processor.lost(), facts: { processor } };
  });
}
