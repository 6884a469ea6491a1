/** A value of OTLP's JSON form. */
interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number | string;
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** A record of OTLP's JSON form, as `api/export` gives it. */
export interface OtlpRecord {
  readonly timeUnixNano: string;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly eventName?: string;
  readonly body: AnyValue;
  readonly attributes: readonly KeyValue[];
}

interface OtlpLine {
  readonly resourceLogs: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly OtlpRecord[] }[] }[];
}

/** Most writes of a fixture: nobody reads a longer program. */
export const MAX_WRITES = 2_000;

/** The event names of marks, and the tokens that write them. */
const TOKENS: Readonly<Record<string, string>> = {
  'session_logs.stream_start': '<start>',
  'session_logs.stream_end': '</end>',
  'session_logs.reasoning_start': '<think>',
  'session_logs.reasoning_stop': '</think>',
  'session_logs.tool_call_start': '<tool>',
  'session_logs.tool_call_end': '</tool>',
};
const ERROR_EVENT = 'session_logs.error';
const LOG_TYPE = 'session_logs.log_type';
const STREAM_ID = 'session_logs.stream_id';
/** Attributes that the write sets by itself, or by an option. */
const SAID_BY_WRITE: ReadonlySet<string> = new Set(['session.id', 'gen_ai.conversation.id', LOG_TYPE, STREAM_ID]);

/** A write of the fixture, with the fields that its program has. */
type Write = Readonly<Record<string, unknown>>;

/** The records of a line of the export. */
export function recordsIn(line: string): readonly OtlpRecord[] {
  const { resourceLogs } = JSON.parse(line) as OtlpLine;
  return resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
}

/** A test that writes what a session wrote. @param total How many entries of it are held. */
export function testFixture(name: string, records: readonly OtlpRecord[], total: number): string {
  const kept = records.slice(0, MAX_WRITES);
  const start = millisOf(kept[0]);
  return program(
    name,
    kept.map((record) => writeOf(record, start)),
    start,
    total,
  );
}

function writeOf(record: OtlpRecord, start: number): Write {
  const { eventName = '', severityNumber, severityText, body } = record;
  const all = fieldsOf(record.attributes);
  const rest = Object.fromEntries(Object.entries(all).filter(([key]) => !SAID_BY_WRITE.has(key)));
  const attributes = Object.keys(rest).length === 0 ? {} : { attributes: rest };
  const at = millisOf(record) - start;
  const token = TOKENS[eventName];
  const isOwn = token !== undefined || eventName === ERROR_EVENT || eventName === '';
  const text = token ?? body.stringValue;
  const isChat = all[LOG_TYPE] === 'chat' || (all[LOG_TYPE] === undefined && severityNumber === undefined);
  if (isOwn && isChat && text !== undefined) {
    const streamId = all[STREAM_ID];
    // A text that equals the token of a mark would be taken for the mark.
    const isTextLikeToken = token === undefined && Object.values(TOKENS).includes(text);
    const kind = eventName === ERROR_EVENT ? { kind: 'error' } : isTextLikeToken ? { kind: 'text' } : {};
    return { at, chunk: text, ...kind, ...(typeof streamId === 'string' ? { streamId } : {}), ...attributes };
  }
  return {
    at,
    log: valueOf(body),
    ...(severityNumber === undefined ? {} : { severityNumber }),
    ...(severityText === undefined ? {} : { severityText }),
    ...(eventName === '' ? {} : { eventName }),
    ...attributes,
  };
}

function millisOf(record: OtlpRecord | undefined): number {
  return Math.floor(Number(record?.timeUnixNano ?? 0) / 1e6);
}

function fieldsOf(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: AnyValue): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueOf);
  if (value.kvlistValue !== undefined) return fieldsOf(value.kvlistValue.values ?? []);
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : value.intValue;
  }
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? null;
}

function program(name: string, writes: readonly Write[], start: number, total: number): string {
  const id = JSON.stringify(name);
  const cut = total > writes.length ? `; the first ${writes.length} of ${total}` : '';
  return `import { expect, test } from 'vitest';
import { recordSessionLogs } from 'otel-session-logs/testing';
import type { SessionLogsRecorder } from 'otel-session-logs/testing';

interface Write {
  /** Milliseconds after the first write. */
  readonly at: number;
  /** A piece of an answer, or the token of a mark. */
  readonly chunk?: string;
  readonly kind?: 'text' | 'error';
  readonly streamId?: string;
  /** The body of any other record. */
  readonly log?: unknown;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly eventName?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

const SESSION = ${id};
const START = Date.parse('${new Date(start).toISOString()}');

/** What the session wrote${cut}. */
const WRITES: readonly Write[] = [
${writes.map((write) => `  ${literal(write)},`).join('\n')}
];

async function writeSession({ sessions, loggerProvider }: SessionLogsRecorder, sessionId: string): Promise<void> {
  const logger = loggerProvider.getLogger('fixture');
  for (const { at, chunk, kind, streamId, log, ...record } of WRITES) {
    const timestamp = START + at;
    if (chunk === undefined) {
      sessions.withSession(sessionId, () => logger.emit({ ...record, body: log, timestamp }));
    } else {
      await sessions.logChunkToQueue(chunk, sessionId, { kind, streamId, timestamp, attributes: record.attributes });
    }
  }
}

test('the session is written as it was', async () => {
  const recorder = recordSessionLogs();
  await writeSession(recorder, SESSION);
  const { entries } = recorder;
  expect(entries).toHaveLength(WRITES.length);
  const chunks = WRITES.flatMap(({ chunk }) => (chunk === undefined ? [] : [chunk]));
  expect(entries.flatMap(({ message }, at) => (WRITES[at]?.chunk === undefined ? [] : [message]))).toEqual(chunks);
  await recorder.shutdown();
});
`;
}

/** A value in TypeScript, with quotes only around keys that need them. A plain `__proto__` in a literal would set the prototype. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, part]) => {
    const name = /^[A-Za-z_]\w*$/.test(key) && key !== '__proto__' ? key : JSON.stringify(key);
    return `${key === '__proto__' ? `[${name}]` : name}: ${literal(part)}`;
  });
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
