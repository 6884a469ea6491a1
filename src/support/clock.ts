import type * as z from 'zod';

import { functionOption } from './options.ts';
import { catchRejection, reporterFor } from './reporter.ts';

const reporter = reporterFor('clock');

type ClockOption = z.ZodPipe<
  z.ZodOptional<z.ZodCustom<() => number>>,
  z.ZodTransform<() => number, (() => number) | undefined>
>;

/**
 * The option `now`, a clock in milliseconds since the epoch. The default is the system's clock, which also stands in,
 * with a report, whenever a given clock throws or does not return a finite number.
 */
export function clockOption(): ClockOption {
  return functionOption<() => number>()
    .optional()
    .transform((now) => (now === undefined ? Date.now : guarded(now)));
}

type ElapsedClockOption = z.ZodOptional<
  z.ZodPipe<z.ZodCustom<() => number>, z.ZodTransform<() => number, () => number>>
>;

/**
 * The option `now`, a clock of which only differences count; the result gives milliseconds since its first time. While
 * it throws or does not return a finite number, no time passes, and that is reported.
 */
export function elapsedClockOption(): ElapsedClockOption {
  return functionOption<() => number>()
    .transform((now) => {
      let passed = 0;
      let before: number | undefined;
      return () => {
        const millis = timeOf(now, 'no time passes meanwhile');
        if (millis !== undefined) {
          if (before !== undefined) passed += millis - before;
          before = millis;
        }
        return passed;
      };
    })
    .optional();
}

function guarded(now: () => number): () => number {
  return () => timeOf(now, 'the clock of the system is used') ?? Date.now();
}

/** Reads the clock; `undefined` if it failed, which is reported with its consequence. */
function timeOf(now: () => number, consequence: string): number | undefined {
  try {
    const millis: unknown = now();
    if (typeof millis === 'number' && Number.isFinite(millis)) return millis;
    catchRejection(millis, () => {});
    reporter.limited('now', `\`now\` did not return a number; ${consequence}`);
  } catch (error) {
    reporter.limited('now', `\`now\` threw; ${consequence}`, error);
  }
  return undefined;
}
