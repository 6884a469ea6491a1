import { context as contextApi, isSpanContextValid, trace } from '@opentelemetry/api';

import { exceptionAttributes } from '../entry/exception.ts';
import type { Context, HrTime, LogRecord, LogRecordProcessor } from '../otel/log-record.ts';
import type { EmittedLogRecord, OtelLogger, OtelLoggerProvider } from '../otel/logs-api.ts';
import { directRecord, toHrTime } from '../route/direct-record.ts';
import type { Gate } from './gated-processor.ts';

/** What a logger of either line may emit in addition to the fields that this package's loggers set. */
interface ForeignLogRecord extends Omit<EmittedLogRecord, 'timestamp' | 'body'> {
  readonly timestamp?: HrTime | number | Date;
  readonly body?: unknown;
  readonly exception?: unknown;
}

/**
 * A logger provider that needs no SDK, so that tests can make as many as they like, in any process. Records pass the
 * session processor and then the one behind it.
 */
export class RecordingLoggerProvider implements OtelLoggerProvider {
  readonly #gate: Gate;
  readonly #behind: LogRecordProcessor;

  constructor(gate: Gate, behind: LogRecordProcessor) {
    this.#gate = gate;
    this.#behind = behind;
  }

  getLogger(name: string, version?: string): OtelLogger {
    const scope = Object.freeze(version === undefined ? { name } : { name, version });
    return {
      emit: (emitted: ForeignLogRecord) => this.#emit(emitted, scope),
      enabled: () => true,
    };
  }

  #emit({ timestamp, exception, ...emitted }: ForeignLogRecord, scope: LogRecord['instrumentationScope']): void {
    const context: Context = emitted.context ?? contextApi.active();
    const span = trace.getSpanContext(context);
    const given: EmittedLogRecord = { ...emitted, body: emitted.body as string };
    if (timestamp !== undefined) given.timestamp = hrTimeOf(timestamp);
    if (exception !== undefined) given.attributes = { ...exceptionAttributes(exception), ...emitted.attributes };
    const record = directRecord(given, span !== undefined && isSpanContextValid(span) ? span : undefined, scope);
    if (this.#gate.route(record, context)) this.#behind.onEmit(record, context);
  }
}

function hrTimeOf(time: HrTime | number | Date): HrTime {
  return Array.isArray(time) ? time : toHrTime(Number(time));
}
