import { destinationOf, targetOf } from '../../otel/exporter-inside.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { reasonOf } from '../../support/reason.ts';

/** Facts about records that were not delivered in time. */
export interface Undelivered {
  readonly code: 'flush_timeout' | 'shutdown_timeout';
  readonly count: number;
  /** `were not ... in time`. */
  readonly what: string;
  /** Text after the reason. */
  readonly rest?: string;
  readonly exporter: object;
  /** Why the last export failed; `undefined` if unknown. */
  readonly failure: unknown;
}

/**
 * Makes an error that names the destination and why the last export failed, which exporters hide behind several causes.
 */
export function undelivered({ code, count, what, rest = '', exporter, failure }: Undelivered): SessionLogsError {
  const reason = failure === undefined ? '' : reasonOf(failure);
  const where = destinationOf(targetOf(exporter)).trim();
  const told = [where, reason].filter((text) => text !== '').join(': ');
  const why = told === '' ? '' : ` (${told})`;
  return new SessionLogsError(code, `${count} log records ${what}${why}${rest}`, {
    pending: count,
    ...(failure === undefined ? {} : { cause: failure }),
  });
}
