import * as z from 'zod';

import { SEVERITY } from './names.ts';

/** A severity by its name in OpenTelemetry's data model: `'warn'` is the first of its four, `'warn2'` the second. */
export type SeverityName = `${'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'}${'' | 2 | 3 | 4}`;

/**
 * A severity in options: a name, in lower or upper case, or a number from 1 (`trace`) to 24 (`fatal4`) as in
 * OpenTelemetry's `SeverityNumber`; 0 is below all of them.
 */
export type Severity = number | SeverityName | Uppercase<SeverityName>;

const EXPECTED = "'trace', 'debug', 'info', 'warn', 'error', 'fatal', or a severity number, 0 to 24";

/** The schema of every `minimumSeverity` option, which returns a number. */
export function severityOption(): z.ZodPipe<z.ZodCustom<Severity>, z.ZodTransform<number, Severity>> {
  return z
    .custom<Severity>((value) => severityNumberOf(value) !== undefined, EXPECTED)
    .transform((severity) => severityNumberOf(severity) ?? 0);
}

function severityNumberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 && value <= 24 ? value : undefined;
  const [, name = '', step = '1'] = typeof value === 'string' ? (/^([a-z]+)([2-4])?$/i.exec(value) ?? []) : [];
  const first = new Map<string, number>(Object.entries(SEVERITY)).get(name.toLowerCase());
  return first === undefined ? undefined : first + Number(step) - 1;
}
