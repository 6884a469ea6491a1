import * as z from 'zod';

import type { SessionDelivery } from '../entry/routed-record.ts';
import { globalLoggerProvider } from '../otel/logs-api.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import { sessionOptions } from '../route/processor.ts';
import type { SessionLogRecordProcessorOptions } from '../route/processor.ts';
import { lazily, objectWith, parseOptions } from '../support/options.ts';
import { Echo, streamHandlerOption } from '../write/stream-handler.ts';
import type { StreamHandler } from '../write/stream-handler.ts';

/** Options of an instance that is part of a setup of your own. */
export interface SessionLogsOptions extends SessionLogRecordProcessorOptions {
  /** Called with each chunk as it is written. @default none */
  readonly streamHandler?: StreamHandler | false | undefined;
  /**
   * Where `logger` and `logChunkToQueue` emit: a provider, or a function that returns one, because a provider is made
   * after its processors. @default the global provider
   */
  readonly loggerProvider?: OtelLoggerProvider | (() => OtelLoggerProvider | undefined) | undefined;
  /**
   * The durable processor of your provider, for `flushSession`. Leave it out if it comes after `processor` in the
   * provider: then it is found.
   */
  readonly durable?: SessionDelivery | undefined;
}

const optionsSchema = lazily(() =>
  z.strictObject({
    ...sessionOptions(),
    streamHandler: streamHandlerOption(),
    loggerProvider: z
      .custom<NonNullable<SessionLogsOptions['loggerProvider']>>(
        (value) =>
          typeof value === 'function' ||
          (typeof value === 'object' &&
            value !== null &&
            'getLogger' in value &&
            typeof value.getLogger === 'function'),
        'a logger provider, or a function that returns one',
      )
      .optional(),
    durable: objectWith<SessionDelivery>('a durable processor', 'flushSession').optional(),
  }),
);

/** The options as the parts of an instance take them. @throws TypeError for the first wrong option. */
export function settingsOf(options: SessionLogsOptions): {
  readonly session: SessionLogRecordProcessorOptions;
  readonly durable: SessionDelivery | undefined;
  readonly provider: () => OtelLoggerProvider | undefined;
  readonly makeEcho: () => Echo | undefined;
} {
  const { streamHandler, loggerProvider, durable, ...session } = parseOptions('SessionLogs', optionsSchema, options);
  return {
    session,
    durable,
    provider: typeof loggerProvider === 'object' ? () => loggerProvider : (loggerProvider ?? globalLoggerProvider),
    makeEcho: () => (streamHandler === undefined || streamHandler === false ? undefined : new Echo(streamHandler)),
  };
}
