import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import type { DecodedLogs } from '../otlp/decoded-logs.ts';
import { decodeJsonLogs, MalformedJsonError } from '../otlp/json.ts';
import { MalformedProtobufError } from '../otlp/protobuf-reader.ts';
import { ProtobufLogsDecoder } from '../otlp/protobuf.ts';
import type { Answer, Asked } from '../web/exchange.ts';
import { failedAnswer, formOf, takenAnswer } from './otlp-answer.ts';
import type { OtlpForm } from './otlp-answer.ts';
import { MAX_BODY_BYTES, readBody, UnreadableBodyError } from './request-body.ts';

/** The path of OTLP/HTTP for logs. */
export const LOGS: string = '/v1/logs';
/** Sent by applications with OpenTelemetry's defaults; not about sessions. */
const OTHERS: ReadonlySet<string> = new Set(['/v1/traces', '/v1/metrics', '/v1development/profiles']);

/** Records of one request that are taken; exporters send 512. */
const MAX_RECORDS = 100_000;
/** Bodies under way, together: more are asked to come again. */
const MAX_BYTES_UNDER_WAY = 8 * MAX_BODY_BYTES;

/**
 * Receives logs by OTLP/HTTP, https://opentelemetry.io/docs/specs/otlp/#otlphttp, in JSON and protobuf, plain and gzip, into a
 * model. Traces and metrics are answered as if they were taken, so that exporters stay quiet, and left.
 */
export class OtlpReceiver {
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #decoder = new ProtobufLogsDecoder();
  #requestsUnderWay = 0;

  constructor(model: SessionModel, name: string) {
    this.#model = model;
    this.#source = model.addSource(name, 'otlp');
  }

  /** Answers a request to one of OTLP's paths; `undefined` for any other. */
  async handle(asked: Asked): Promise<Answer | undefined> {
    const isLogs = asked.path === LOGS;
    if (!isLogs && !OTHERS.has(asked.path)) return undefined;
    const form = formOf(asked.header('content-type'));
    if (asked.method !== 'POST') {
      return failedAnswer(405, form, `${asked.path} takes POST only`, { allow: 'POST' });
    }
    if (form === undefined) {
      return failedAnswer(415, form, 'expected the content-type application/x-protobuf or application/json');
    }
    if (this.#requestsUnderWay * MAX_BODY_BYTES >= MAX_BYTES_UNDER_WAY) {
      return failedAnswer(503, form, 'too many requests at a time', { 'retry-after': '1' });
    }
    this.#requestsUnderWay += 1;
    try {
      const body = await readBody(asked);
      return isLogs ? this.#take(this.#decode(body, form), form) : takenAnswer(form);
    } catch (error) {
      return failureOf(error, form);
    } finally {
      this.#requestsUnderWay -= 1;
    }
  }

  #decode(body: Buffer, form: OtlpForm): DecodedLogs {
    return form === 'json'
      ? decodeJsonLogs(body.toString('utf8'), MAX_RECORDS)
      : this.#decoder.decode(body, MAX_RECORDS);
  }

  #take({ records, rejected }: DecodedLogs, form: OtlpForm): Answer {
    const arrival = { source: this.#source };
    for (const record of records) this.#model.add(record, arrival);
    this.#source.unreadable += rejected;
    return takenAnswer(
      form,
      rejected,
      rejected === 0
        ? ''
        : `${rejected} records were not taken: not an object, or beyond ${MAX_RECORDS} of one request`,
    );
  }
}

function failureOf(error: unknown, form: OtlpForm): Answer {
  if (error instanceof UnreadableBodyError) {
    const headers: Record<string, string> = error.status === 415 ? { 'accept-encoding': 'gzip' } : {};
    return failedAnswer(error.status, form, error.message, headers);
  }
  if (error instanceof MalformedProtobufError || error instanceof MalformedJsonError) {
    return failedAnswer(400, form, `not a logs request of OTLP: ${error.message}`);
  }
  throw error;
}
