import { setImmediate as nextTurn } from 'node:timers/promises';

import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import type { DecodedLogs } from '../otlp/decoded-logs.ts';
import { hasMoreContainers } from '../otlp/json-containers.ts';
import { decodeJsonLogs, MalformedJsonError } from '../otlp/json.ts';
import { MalformedProtobufError } from '../otlp/protobuf-reader.ts';
import { ProtobufLogsDecoder } from '../otlp/protobuf.ts';
import { ByteBudget } from '../web/byte-budget.ts';
import type { Answer, Asked } from '../web/exchange.ts';
import { failedAnswer, formOf, takenAnswer } from './otlp-answer.ts';
import type { OtlpForm } from './otlp-answer.ts';
import { MAX_BODY_BYTES, readBody, UnreadableBodyError } from './request-body.ts';

/** The path of OTLP/HTTP for logs. */
export const LOGS: string = '/v1/logs';
/** The paths of other signals, which applications with OpenTelemetry's defaults send too. */
const OTHERS: ReadonlySet<string> = new Set(['/v1/traces', '/v1/metrics', '/v1development/profiles']);

/** Most records of a request; exporters send 512. */
const MAX_RECORDS = 100_000;
/** Most bytes of all bodies under way. A request with more is asked to come again. */
const MAX_BYTES_UNDER_WAY = 8 * MAX_BODY_BYTES;
/** Most objects and lists of a request in JSON; 512 records with 20 attributes have about 25,000. */
const MAX_CONTAINERS = 1_000_000;
/** How many records go into the model before other work gets a turn. */
const RECORDS_PER_TURN = 2_000;

/**
 * Receives logs over OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp) into a model, in JSON and protobuf, plain and
 * with gzip. Ignores traces and metrics, but answers that it took them, so that exporters do not complain.
 */
export class OtlpReceiver {
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #decoder = new ProtobufLogsDecoder();
  readonly #budget = new ByteBudget(MAX_BYTES_UNDER_WAY);
  /** The last request. Requests are decoded one after the other, in the order in which their bodies were read. */
  #last: Promise<unknown> = Promise.resolve();

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
    try {
      const body = await readBody(asked, this.#budget);
      try {
        return isLogs ? await this.#inTurn(() => this.#take(this.#decode(body, form), form)) : takenAnswer(form);
      } finally {
        this.#budget.give(body.length);
      }
    } catch (error) {
      return failureOf(error, form);
    }
  }

  #inTurn<T>(take: () => Promise<T>): Promise<T> {
    const result = this.#last.then(take);
    this.#last = result.catch(() => {
      // The request that failed gets the error as its answer.
    });
    return result;
  }

  #decode(body: Buffer, form: OtlpForm): DecodedLogs {
    if (form === 'json' && hasMoreContainers(body, MAX_CONTAINERS)) {
      throw new UnreadableBodyError(413, `the body has more than ${MAX_CONTAINERS} objects and lists`);
    }
    return form === 'json'
      ? decodeJsonLogs(body.toString('utf8'), MAX_RECORDS)
      : this.#decoder.decode(body, MAX_RECORDS);
  }

  async #take({ records, rejected }: DecodedLogs, form: OtlpForm): Promise<Answer> {
    const arrival = { source: this.#source };
    for (let at = 0; at < records.length; at += RECORDS_PER_TURN) {
      if (at > 0) await nextTurn();
      for (const record of records.slice(at, at + RECORDS_PER_TURN)) this.#model.add(record, arrival);
    }
    this.#source.unreadable += rejected;
    return takenAnswer(
      form,
      rejected,
      rejected === 0
        ? ''
        : `rejected ${rejected} of the records: they are not objects, or the request has more than ${MAX_RECORDS}`,
    );
  }
}

/** Headers that tell a client what to do about a failure, by the status. */
const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  415: { 'accept-encoding': 'gzip' },
  503: { 'retry-after': '1' },
};

function failureOf(error: unknown, form: OtlpForm): Answer {
  if (error instanceof UnreadableBodyError) {
    return failedAnswer(error.status, form, error.message, HEADERS[error.status]);
  }
  if (error instanceof MalformedProtobufError || error instanceof MalformedJsonError) {
    return failedAnswer(400, form, `not an OTLP logs request: ${error.message}`);
  }
  throw error;
}
