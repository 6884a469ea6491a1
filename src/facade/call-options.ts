import * as z from 'zod';

import { abortSignalOption, lazily } from '../support/options.ts';

/** Options of `getAllLogsInQueue`. */
export interface ListOptions {
  readonly sessionId?: string | undefined;
  readonly limit?: number | undefined;
}

/** Options of `distribute`, with their defaults. */
export interface DistributeOptions {
  readonly finite: boolean;
  readonly signal?: AbortSignal | undefined;
}

const LIMIT = 'a number of entries, 0 or more';

export const listSchema: () => z.ZodType<ListOptions> = lazily(() =>
  z.strictObject({
    sessionId: z.string('a session id').optional(),
    limit: z.number(LIMIT).int().min(0, LIMIT).optional(),
  }),
);

export const distributeSchema: () => z.ZodType<DistributeOptions, Partial<DistributeOptions>> = lazily(
  () =>
    z.strictObject({
      finite: z.boolean('a boolean').default(false),
      signal: abortSignalOption().optional(),
    }) as unknown as z.ZodType<DistributeOptions, Partial<DistributeOptions>>,
);
