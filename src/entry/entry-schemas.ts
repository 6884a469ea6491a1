import * as z from 'zod';

import { lazily } from '../support/options.ts';
import type { JsonValue } from './body.ts';
import type { LogType } from './entry-detail.ts';
import type { LogEntry } from './entry.ts';
import { MAX_SESSION_ID_LENGTH } from './session-id.ts';
import { isoTimestamp, isTimestamp } from './timestamp.ts';
import { ENTRY_KINDS } from './tokens.ts';

const sessionIdSchema = lazily(() =>
  z
    .string()
    .min(1, 'a session id has 1 to 256 characters')
    .max(MAX_SESSION_ID_LENGTH, 'a session id has 1 to 256 characters'),
);
const logTypeSchema = lazily(() => z.enum(['chat', 'log']));

const jsonRecordSchema = lazily(() => z.record(z.string(), z.json()));

/** Only checks the attributes and passes them on: zod's copy of a record leaves out a key named `__proto__`. */
const attributesSchema = lazily(() =>
  z.custom<Readonly<Record<string, JsonValue>>>(
    (value) => jsonRecordSchema().safeParse(value).success,
    'an object of JSON values',
  ),
);

/** Validates a complete {@link LogEntry}, as it comes out of `JSON.parse(JSON.stringify(entry))`. */
export const logEntrySchema: z.ZodType<LogEntry> = z.lazy(() =>
  z.strictObject({
    id: z.string().min(1),
    sessionId: sessionIdSchema(),
    message: z.string(),
    timestamp: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'YYYY-MM-DDTHH:mm:ss.sssZ'),
    logType: logTypeSchema(),
    kind: z.enum(ENTRY_KINDS),
    streamId: z.string().exactOptional(),
    severityNumber: z.number().exactOptional(),
    severityText: z.string().exactOptional(),
    attributes: attributesSchema().exactOptional(),
    eventName: z.string().exactOptional(),
    traceId: z.string().exactOptional(),
    spanId: z.string().exactOptional(),
  }),
) as z.ZodType<LogEntry>;

/** A writer's input with defaults filled in. */
export interface LogEntryInput {
  readonly sessionId: string;
  readonly message: string;
  readonly timestamp: string;
  readonly logType: LogType;
}

/**
 * Parses `{ sessionId, message, timestamp?, logType? }`: any parsable time becomes UTC milliseconds; without one it is
 * now.
 *
 * @throws ZodError that names the field.
 */
export const logEntryInputSchema: z.ZodType<
  LogEntryInput,
  { sessionId: string; message: string; timestamp?: string | number | Date | undefined; logType?: LogType | undefined }
> = z.lazy(() =>
  z.strictObject({
    sessionId: sessionIdSchema(),
    message: z.string(),
    timestamp: z
      .union([z.string(), z.number(), z.date()])
      .optional()
      .transform((value, context) => {
        const millis = value === undefined ? Date.now() : new Date(value).getTime();
        if (isTimestamp(millis)) return isoTimestamp(Math.floor(millis));
        context.addIssue({ code: 'custom', message: 'expected a time that Date can parse' });
        return z.NEVER;
      }),
    logType: logTypeSchema().default('chat'),
  }),
);
