import * as z from 'zod';

import type { LogType } from '../entry/entry-detail.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { OpenAllOptions, SessionStore } from '../store/session-store.ts';
import { SessionLogsError } from '../support/errors.ts';
import { lazily, parseOptions } from '../support/options.ts';
import { filterOptions, refuseBareNumber, waitOptions } from './reader-options.ts';
import type { ReaderOptions } from './reader-options.ts';
import { SessionReader } from './reader.ts';

/** How all sessions are read as one log. */
export interface FollowAllOptions extends Pick<
  ReaderOptions,
  'minimumSeverity' | 'idleTimeoutMillis' | 'signal' | 'onGap'
> {
  /**
   * Where to start. `'now'`: only what comes. `'oldest'`: the oldest entry held. `{ after: id }`: strictly after that entry, of
   * whichever session; when it is not held any more, the oldest entry held, with `missed` -1.
   *
   * @default 'now'
   */
  readonly from?: OpenAllOptions['from'] | undefined;
  /** When to end. `'caught-up'`: at the entry that was last when the reader was made. @default never: at shutdown */
  readonly until?: 'caught-up' | undefined;
  /** Which entries. @default 'all' */
  readonly logType?: LogType | 'all' | undefined;
  /** Whether control entries are delivered. @default true */
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
 * @param refusal What its first `next()` rejects with, when it is clear already that it cannot read.
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
      'followAll needs a store that holds its entries in this process; use followSession for each session, or the collector that all hosts export to',
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
