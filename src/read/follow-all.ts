import * as z from 'zod';

import type { LogType } from '../entry/entry-detail.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { OpenAllOptions, SessionStore } from '../store/session-store.ts';
import { SessionLogsError } from '../support/errors.ts';
import { lazily, parseOptions } from '../support/options.ts';
import { filterOptions, refuseBareNumber, waitOptions } from './reader-options.ts';
import type { ReaderOptions } from './reader-options.ts';
import { SessionReader } from './reader.ts';

/** Options for reading all sessions as one log. */
export interface FollowAllOptions extends Pick<
  ReaderOptions,
  'minimumSeverity' | 'idleTimeoutMillis' | 'signal' | 'onGap'
> {
  /**
   * Where to start. `'now'`: only new entries. `'oldest'`: the oldest entry held. `{ after: id }`: strictly after that
   * entry, of any session; if it is no longer held, the oldest entry held, with `missed` -1.
   *
   * @default 'now'
   */
  readonly from?: OpenAllOptions['from'] | undefined;
  /** When to end. `'caught-up'`: at the entry that was last when the reader was made. @default at shutdown only */
  readonly until?: 'caught-up' | undefined;
  /** Which entries to deliver. @default 'all' */
  readonly logType?: LogType | 'all' | undefined;
  /** Whether to deliver control entries. @default true */
  readonly tokens?: boolean | undefined;
}

const schema = lazily(() =>
  z.strictObject({
    from: z
      .union(
        [z.enum(['now', 'oldest']), z.strictObject({ after: z.string('a string') })],
        "'now', 'oldest' or { after: id }",
      )
      .optional(),
    until: z.literal('caught-up', "'caught-up'").optional(),
    ...filterOptions(),
    ...waitOptions(),
  }),
);

/**
 * Opens a reader over all sessions.
 *
 * @param refusal The error of its first `next()`, if it is already clear that it cannot read.
 * @throws TypeError for a wrong option.
 * @throws SessionLogsError `not_supported`: the entries are not in this process.
 */
export function followAll(
  store: SessionStore,
  options: FollowAllOptions | undefined,
  refusal?: SessionLogsError,
): SessionReader<LogEntry> {
  refuseBareNumber('followAll', options);
  const given: Partial<z.output<ReturnType<typeof schema>>> =
    options === undefined ? {} : parseOptions('followAll', schema, options);
  if (store.openAll === undefined) {
    throw new SessionLogsError(
      'not_supported',
      'followAll needs a store that holds its entries in this process; use followSession for each session, or read at the collector that all hosts export to',
    );
  }
  const { until = 'never', from = 'now' } = given;
  return new SessionReader<LogEntry>(store, undefined, store.openAll({ from, isBounded: until === 'caught-up' }), {
    yields: 'entry',
    makeInstead: undefined,
    until,
    logType: given.logType ?? 'all',
    minimumSeverity: given.minimumSeverity,
    tokens: given.tokens ?? true,
    wait: true,
    idleTimeoutMillis: given.idleTimeoutMillis,
    signal: given.signal,
    onGap: given.onGap,
    isForClient: false,
    refusal,
  });
}
