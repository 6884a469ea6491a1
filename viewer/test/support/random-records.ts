import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';

import { toUnixNano } from '../../src/model/log-data.ts';
import type { LogData } from '../../src/model/log-data.ts';

type Random = () => number;

const TEXTS = [
  '',
  'a',
  'session-1',
  'grüße',
  '日本語のテキスト',
  '👩‍👩‍👧‍👦',
  '\ufeffwith a byte order mark',
  '\u0000',
  '\ud800',
  'x'.repeat(300),
];
const KEYS = [
  'session.id',
  'order.id',
  '__proto__',
  'constructor',
  'ключ',
  '',
  'a.rather.long.name.of.an.attribute.that.nobody.would.choose.for.a.log',
];
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  127,
  128,
  2 ** 31,
  -(2 ** 31),
  2 ** 53 - 1,
  1 - 2 ** 53,
  2 ** 60,
  -(2 ** 62),
  0.1,
  -1e-300,
  1e300 + 0.5,
  Math.PI,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];

const RESOURCES = [
  resourceFromAttributes({ 'service.name': 'shop', list: ['a', 'b'] }),
  resourceFromAttributes({}),
  resourceFromAttributes({ 'service.name': 'grüße', n: 5 }),
];
const SCOPES = [{ name: 'app', version: '1.0.0' }, { name: '' }, { name: 'other', version: '2' }];

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

function text(random: Random): string {
  return random() < 0.3 ? pick(random, TEXTS) : `${pick(random, TEXTS)} ${Math.floor(random() * 1e6)}`;
}

function value(random: Random, depth = 0): unknown {
  const kind = Math.floor(random() * (depth < 3 ? 8 : 5));
  switch (kind) {
    case 0:
    case 1:
      return text(random);
    case 2:
      return random() < 0.5 ? pick(random, NUMBERS) : Math.floor((random() - 0.5) * 1e9);
    case 3:
      return random() < 0.5;
    case 4:
      return random() < 0.5 ? null : Uint8Array.from({ length: Math.floor(random() * 40) }, () => random() * 256);
    case 5:
      return Array.from({ length: Math.floor(random() * 4) }, () => value(random, depth + 1));
    default:
      return fields(random, depth + 1);
  }
}

function fields(random: Random, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (let count = Math.floor(random() * 5); count > 0; count -= 1) {
    const key = random() < 0.5 ? pick(random, KEYS) : `key.${Math.floor(random() * 20)}`;
    Object.defineProperty(result, key, {
      value: value(random, depth),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

function hex(random: Random, length: number): string {
  return Array.from({ length }, (_, at) => Math.floor(random() * 15 + (at === 0 ? 1 : 0)).toString(16)).join('');
}

/** Any record that an exporter may be given. */
export function randomRecord(random: Random): ReadableLogRecord {
  const seconds = Math.floor(random() * 4e9);
  const nanos = Math.floor(random() * 1e9);
  const hasSpan = random() < 0.3;
  return {
    hrTime: random() < 0.05 ? [0, 0] : [seconds, nanos],
    hrTimeObserved: [seconds, Math.floor(random() * 1e9)],
    resource: pick(random, RESOURCES),
    instrumentationScope: pick(random, SCOPES),
    body: random() < 0.6 ? text(random) : value(random),
    attributes: fields(random, 1),
    droppedAttributesCount: random() < 0.1 ? Math.floor(random() * 1e6) : 0,
    ...(random() < 0.5 ? {} : { severityNumber: Math.floor(random() * 25), severityText: text(random) }),
    ...(random() < 0.5 ? {} : { eventName: text(random) }),
    ...(hasSpan
      ? { spanContext: { traceId: hex(random, 32), spanId: hex(random, 16), traceFlags: random() < 0.5 ? 1 : 0 } }
      : {}),
  };
}

/** One form for what was sent and what was received, so that both can be compared as text. */
export function canonical(form: 'protobuf' | 'json', sent: ReadableLogRecord): string {
  const { hrTime, hrTimeObserved, instrumentationScope: scope, spanContext } = sent;
  return JSON.stringify([
    nanosOf(hrTime),
    nanosOf(hrTimeObserved),
    sent.severityNumber ?? 0,
    plain(form, sent.severityText ?? ''),
    plain(form, sent.eventName ?? ''),
    plain(form, sent.body),
    plain(form, sent.attributes),
    sent.droppedAttributesCount,
    spanContext?.traceId ?? '',
    spanContext?.spanId ?? '',
    plain(form, sent.resource.attributes),
    scope.name,
    scope.version ?? '',
  ]);
}

export function canonicalOf(form: 'protobuf' | 'json', received: LogData): string {
  return JSON.stringify([
    toUnixNano(received),
    toUnixNano({ millis: received.observedMillis, nanos: received.observedNanos }),
    received.severityNumber,
    received.severityText,
    received.eventName,
    plain(form, received.body),
    plain(form, received.attributes),
    received.droppedAttributes,
    received.traceId,
    received.spanId,
    plain(form, received.origin.resource),
    received.origin.scopeName,
    received.origin.scopeVersion,
  ]);
}

function nanosOf([seconds, nanos]: readonly [number, number]): string {
  return (BigInt(seconds) * 1_000_000_000n + BigInt(nanos)).toString();
}

/** Kinds are told apart; only what the wire has no place for is made the same. */
function plain(form: 'protobuf' | 'json', given: unknown): unknown {
  switch (typeof given) {
    case 'string':
      // UTF-8 has no halves of surrogate pairs, JSON escapes them.
      return form === 'protobuf' ? Buffer.from(given).toString() : given;
    case 'bigint':
      return ['number', String(Number(given))];
    case 'number':
      // The exporter makes an integer of -0, and JSON has neither NaN nor the infinities.
      if (form === 'json' && !Number.isFinite(given)) return ['number', 'NaN'];
      return ['number', String(given + 0)];
    case 'object':
      if (given === null) return null;
      if (given instanceof Uint8Array) return ['bytes', Buffer.from(given).toString('hex')];
      if (Array.isArray(given)) return ['list', given.map((each) => plain(form, each))];
      return ['fields', Object.entries(given).map(([key, each]) => [plain(form, key), plain(form, each)])];
    default:
      return given ?? null;
  }
}
