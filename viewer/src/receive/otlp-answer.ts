import { PbfWriter } from 'pbf';

import { SAFE_HEADERS } from '../web/exchange.ts';
import type { Answer } from '../web/exchange.ts';

/** The two forms of OTLP/HTTP. An answer has the form of its request. */
export type OtlpForm = 'json' | 'protobuf';

const CONTENT_TYPES = { json: 'application/json', protobuf: 'application/x-protobuf' } as const;

/** The form that a content type names; `undefined` if it names neither. */
export function formOf(contentType: string | undefined): OtlpForm | undefined {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === CONTENT_TYPES.json) return 'json';
  return type === CONTENT_TYPES.protobuf || type === 'application/protobuf' ? 'protobuf' : undefined;
}

/**
 * A success, or a partial one if records were rejected, which clients must not send again:
 * https://opentelemetry.io/docs/specs/otlp/#partial-success-1
 */
export function takenAnswer(form: OtlpForm, rejected = 0, message = ''): Answer {
  if (rejected === 0) return answer(200, form, form === 'json' ? '{}' : new Uint8Array(0));
  if (form === 'json') {
    // A 64-bit integer is text in JSON.
    const partialSuccess = { rejectedLogRecords: String(rejected), errorMessage: message };
    return answer(200, form, JSON.stringify({ partialSuccess }));
  }
  const writer = new PbfWriter();
  writer.writeMessage(
    1,
    (_, inner) => {
      inner.writeVarintField(1, rejected);
      inner.writeStringField(2, message);
    },
    undefined,
  );
  return answer(200, form, writer.finish());
}

/** The gRPC codes of a `google.rpc.Status`, by the status of HTTP. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 403: 7, 404: 5, 413: 8, 415: 3, 503: 14 };

/** A failure as OTLP requires it: a `Status` in the form of the request. */
export function failedAnswer(
  status: number,
  form: OtlpForm | undefined,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const code = RPC_CODES[status] ?? 2;
  if (form !== 'protobuf') return answer(status, 'json', JSON.stringify({ code, message }), headers);
  const writer = new PbfWriter();
  writer.writeVarintField(1, code);
  writer.writeStringField(2, message);
  return answer(status, form, writer.finish(), headers);
}

function answer(
  status: number,
  form: OtlpForm,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { ...SAFE_HEADERS, 'content-type': CONTENT_TYPES[form], ...headers },
    body,
    // The rest of the request's body is not read.
    ...(status === 413 || status === 503 ? { closes: true } : {}),
  };
}
