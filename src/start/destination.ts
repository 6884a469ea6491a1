import * as z from 'zod';

import type { LogRecordProcessor } from '../otel/log-record.ts';
import { severityOption } from '../otel/severity.ts';
import type { Severity } from '../otel/severity.ts';
import { objectWith } from '../support/options.ts';

/** Names of the built-in destinations, as used in `minimumSeverity` and `stats().destinations`. */
const BUILT_IN = ['export', 'console', 'file'] as const;

/** A destination in addition to the daily file, the console and the export. */
export interface Destination {
  /** A unique name of 1 to 100 characters, used in messages and `stats().destinations`. */
  readonly name: string;
  /**
   * Any log record processor. It gets each record after the built-in destinations, in the order of the list, as a
   * provider of the SDK would pass it. If it throws, rejects or hangs, the other destinations still get every record.
   * The started instance owns it, flushes it and shuts it down.
   */
  readonly processor: LogRecordProcessor;
  /** Leveled logs below this severity, `'warn'` or a number, are left out; records without one always pass. @default none */
  readonly minimumSeverity?: Severity | undefined;
}

/** A validated {@link Destination}. */
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
      if (namesake !== -1) refuse('name', `a name other than that of destinations.${namesake}`);
      const same = before.findIndex((each) => each.processor === processor);
      if (same !== -1)
        refuse('processor', `an object other than that of destinations.${same}, which already gets each record`);
    }
  });
}
