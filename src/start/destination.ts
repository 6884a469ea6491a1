import * as z from 'zod';

import type { LogRecordProcessor } from '../otel/log-record.ts';
import { severityOption } from '../otel/severity.ts';
import type { Severity } from '../otel/severity.ts';
import { objectWith } from '../support/options.ts';

/** What the destinations that every start can have are called; `minimumSeverity` and `stats().destinations` name them so. */
const BUILT_IN = ['export', 'console', 'file'] as const;

/** Where records go beside the daily file, the console and the export. */
export interface Destination {
  /** 1 to 100 characters, of this destination only: messages and `stats().destinations` name it so. */
  readonly name: string;
  /**
   * Gets each record after the built-in destinations, in the order of the list, as a provider of the SDK would give it. It may
   * be any processor; one that throws, rejects or hangs keeps no record from the others. It belongs to the started
   * instance, which flushes it and shuts it down.
   */
  readonly processor: LogRecordProcessor;
  /** Leveled logs below this severity, `'warn'` or a number, are left out; records without one always pass. @default none */
  readonly minimumSeverity?: Severity | undefined;
}

/** A {@link Destination} that was checked. */
export interface GivenDestination {
  readonly name: string;
  readonly processor: LogRecordProcessor;
  readonly minimumSeverity?: number | undefined;
}

const NAME = 'a name of 1 to 100 characters';
const LIST = 'a list of { name, processor, minimumSeverity }';

/** The option `destinations`. */
export function destinationsOption(): z.ZodType<GivenDestination[]> {
  const destination = z.strictObject(
    {
      name: z.string(NAME).min(1, NAME).max(100, NAME),
      processor: objectWith<LogRecordProcessor>('a log record processor', 'onEmit', 'forceFlush', 'shutdown'),
      minimumSeverity: severityOption().optional(),
    },
    'an object with `name` and `processor`',
  );
  return z.array(destination, LIST).superRefine((list, context) => {
    for (const [index, { name, processor }] of list.entries()) {
      const before = list.slice(0, index);
      const refuse = (option: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [index, option], message });
      if ((BUILT_IN as readonly string[]).includes(name)) refuse('name', 'a name that is not built in');
      const namesake = before.findIndex((each) => each.name === name);
      if (namesake !== -1) refuse('name', `another name than that of destinations.${namesake}`);
      const same = before.findIndex((each) => each.processor === processor);
      if (same !== -1)
        refuse('processor', `another object than that of destinations.${same}, which gets each record already`);
    }
  });
}
