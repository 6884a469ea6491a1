import type * as z from 'zod';

import { functionOption } from './options.ts';
import { reporterFor } from './reporter.ts';

const reporter = reporterFor('clock');

type ClockOption = z.ZodPipe<
  z.ZodOptional<z.ZodCustom<() => number>>,
  z.ZodTransform<() => number, (() => number) | undefined>
>;

/**
 * The option `now`, a clock of the application: milliseconds since the epoch. Not given, it is the system's; one that
 * throws, or gives no finite number, is replaced by that for the moment, and reported.
 */
export function clockOption(): ClockOption {
  return functionOption<() => number>()
    .optional()
    .transform((now) => (now === undefined ? Date.now : guarded(now)));
}

function guarded(now: () => number): () => number {
  return () => {
    try {
      const millis: unknown = now();
      if (typeof millis === 'number' && Number.isFinite(millis)) return millis;
      reporter.limited('now', '`now` gave no number; the clock of the system is used');
    } catch (error) {
      reporter.limited('now', '`now` threw; the clock of the system is used', error);
    }
    return Date.now();
  };
}
