import { createTraceState, trace, ROOT_CONTEXT } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { HEADER_BYTES, readFrame } from '../../../../src/export/spool/codec/frame.ts';
import type { Frame } from '../../../../src/export/spool/codec/frame.ts';
import { OriginDecoder, OriginEncoder } from '../../../../src/export/spool/codec/origin-codec.ts';
import { decodeFrame } from '../../../../src/export/spool/codec/frame-decoder.ts';
import type { DecodedFrame } from '../../../../src/export/spool/codec/frame-decoder.ts';
import { FrameEncoder } from '../../../../src/export/spool/codec/frame-encoder.ts';
import { isSentAsText } from '../../../../src/export/spool/codec/number-text.ts';
import { uuidV7 } from '../../../../src/export/spool/codec/uuid.ts';
import type { LogRecord } from '../../../../src/otel/log-record.ts';
import { runs } from '../../../support/properties.ts';

function makeEncoder(uid?: () => string): FrameEncoder {
  return new FrameEncoder(new OriginEncoder(() => {}), uid);
}

const resource = resourceFromAttributes({ 'service.name': 'test' });
const scope = { name: 'scope', version: '1' };

function recordOf(fields: Partial<Record<keyof LogRecord, unknown>>): LogRecord {
  return {
    hrTime: [1_700_000_000, 5],
    hrTimeObserved: [1_700_000_000, 5],
    resource,
    instrumentationScope: scope,
    attributes: {},
    droppedAttributesCount: 0,
    ...fields,
  } as unknown as LogRecord;
}

function finish(encoder: FrameEncoder): Buffer {
  const frame = encoder.finish(1, 1_000);
  if (frame === undefined) throw new Error('nothing was encoded');
  return Buffer.from(frame);
}

function decode(bytes: Buffer): DecodedFrame {
  const frame = readFrame(bytes, 0) as Frame;
  return decodeFrame(frame.payload, frame.count, new OriginDecoder());
}

function roundTrip(record: LogRecord): DecodedFrame['records'][number] {
  const encoder = makeEncoder();
  encoder.add(record);
  return decode(finish(encoder)).records[0] as DecodedFrame['records'][number];
}

const anyString = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', 'a\udfff', 'ü€😀', '__proto__'),
);
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyString,
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, Number.NaN, Infinity, 2 ** 63, -(2 ** 53), 2 ** 32, 2 ** 31),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(anyString, tie('value'), { maxKeys: 4 }),
  ),
}));

/** A copy in which each number that is sent as text is that. */
function withNumbersAsText(value: unknown): unknown {
  if (typeof value === 'number') return isSentAsText(value) ? String(value) : value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withNumbersAsText);
  const copy: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) {
    // Assigned, `__proto__` would be the prototype.
    Object.defineProperty(copy, key, { value: withNumbersAsText(part), enumerable: true, writable: true });
  }
  return copy;
}

describe('records as bytes', () => {
  test('any body and any attributes come back as they were, what is sent as text as that', () => {
    fc.assert(
      fc.property(anyValue, fc.dictionary(anyString, anyValue, { maxKeys: 5 }), (body, attributes) => {
        const back = roundTrip(recordOf({ body, attributes }));
        expect(back.body).toStrictEqual(unlink(withNumbersAsText(body)));
        expect(back.attributes).toStrictEqual(unlink(withNumbersAsText(attributes)));
      }),
      runs(500),
    );
  });

  test('any number of records of several resources, scopes and sessions come back in order', () => {
    const field = fc.record({
      body: anyString,
      severityNumber: fc.option(fc.integer({ min: 0, max: 24 }), { nil: undefined }),
      severityText: fc.option(anyString, { nil: undefined }),
      eventName: fc.option(anyString, { nil: undefined }),
      droppedAttributesCount: fc.nat(3),
      hrTime: fc.tuple(fc.oneof(fc.nat(), fc.double({ min: 0.5 }), fc.integer()), fc.nat(999_999_999)),
      hrTimeObserved: fc.tuple(fc.nat(), fc.nat(999_999_999)),
      resource: fc.constantFrom(resource, resourceFromAttributes({ other: [1, 2] })),
      instrumentationScope: fc.constantFrom(scope, { name: 'b', attributes: { x: 1 }, droppedAttributesCount: 2 }),
      spanContext: fc.constantFrom(
        undefined,
        { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 },
        { traceId: 'c'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0, isRemote: true },
      ),
      session: fc.option(fc.tuple(anyString, fc.option(fc.string(), { nil: undefined })), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 20 }), (fields) => {
        const encoder = makeEncoder();
        for (const { session, ...rest } of fields) encoder.add(recordOf(rest), session?.[0], session?.[1]);
        const { records, sessions } = decode(finish(encoder));
        expect(records).toHaveLength(fields.length);
        for (const [i, { session, ...rest }] of fields.entries()) {
          const { resource: from, instrumentationScope, ...plain } = rest;
          expect(records[i]).toMatchObject(plain);
          expect(records[i]?.resource.attributes).toStrictEqual(from.attributes);
          expect(records[i]?.instrumentationScope).toStrictEqual(instrumentationScope);
          expect(sessions[i]).toStrictEqual(session && { sessionId: session[0], entryId: session[1] });
        }
      }),
      runs(200),
    );
  });

  test('a record of the SDK itself comes back with its span, trace state and exception', () => {
    const kept: LogRecord[] = [];
    const processor = {
      onEmit: (r: LogRecord) => void kept.push(r),
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    const provider = new LoggerProvider({ processors: [processor], resource });
    const traceState = createTraceState('a=1,b=2');
    const span = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1, traceState };
    provider.getLogger('l', '2', { schemaUrl: 'https://x' }).emit({
      body: 'b',
      exception: new TypeError('no'),
      context: trace.setSpanContext(ROOT_CONTEXT, span),
    });
    const [record] = kept as [LogRecord];
    const back = roundTrip(record);
    expect(back.spanContext?.traceState?.serialize()).toBe('a=1,b=2');
    expect(back.attributes).toStrictEqual({ ...record.attributes });
    expect(back.instrumentationScope).toMatchObject({ name: 'l', version: '2', schemaUrl: 'https://x' });
    expect(back.hrTime).toStrictEqual(record.hrTime);
  });

  test('records of the same resource and scope share one object each, over frames too', () => {
    const origins = new OriginDecoder();
    const frames = [1, 2].map(() => {
      const encoder = makeEncoder();
      encoder.add(recordOf({ body: 'a' }));
      encoder.add(recordOf({ body: 'b' }));
      return readFrame(finish(encoder), 0) as Frame;
    });
    const records = frames.flatMap((e) => decodeFrame(e.payload, e.count, origins).records);
    expect(new Set(records.map((r) => r.resource)).size).toBe(1);
    expect(new Set(records.map((r) => r.instrumentationScope)).size).toBe(1);
  });

  test('what the caller changes after the call is not seen', () => {
    const body = { list: [1] };
    const encoder = makeEncoder();
    encoder.add(recordOf({ body }));
    body.list.push(2);
    expect(decode(finish(encoder)).records[0]?.body).toStrictEqual({ list: [1] });
  });

  test('a cycle, too much depth, a getter that throws and an explosion of shared nodes are replaced, and neighbours stay', () => {
    const cyclic: Record<string, unknown> = { a: 1 };
    cyclic['self'] = cyclic;
    let deep: unknown = 'end';
    for (let i = 0; i < 10_000; i += 1) deep = { deep };
    let shared: unknown = 'leaf';
    for (let i = 0; i < 60; i += 1) shared = [shared, shared];
    const throwing = {
      ok: 1,
      get bad(): never {
        throw new Error('boom');
      },
    };
    const encoder = makeEncoder();
    encoder.add(recordOf({ body: 'before', attributes: { k: 1 } }));
    encoder.add(recordOf({ body: cyclic, attributes: { k: 2, onlyHere: 1 } }));
    encoder.add(recordOf({ body: deep }));
    encoder.add(recordOf({ body: throwing, attributes: { throwing } }));
    encoder.add(recordOf({ body: shared }));
    encoder.add(recordOf({ body: { toJSON: () => ({ from: 'toJSON' }), date: 1 } }));
    encoder.add(recordOf({ body: 'after', attributes: { k: 3 } }));
    const { records } = decode(finish(encoder));
    expect(records.map((r) => r.body).filter((b) => typeof b === 'string')).toStrictEqual(['before', 'after']);
    expect(records[1]?.body).toStrictEqual({ a: 1, self: '[circular]' });
    expect(JSON.stringify(records[2]?.body)).toContain('[too deep]');
    expect(records[3]?.body).toStrictEqual({ ok: 1, bad: '[unreadable: boom]' });
    expect(JSON.stringify(records[4]?.body).length).toBeLessThan(5_000_000);
    expect(records[5]?.body).toStrictEqual({ from: 'toJSON' });
    expect(records.map((r) => r.attributes['k'])).toStrictEqual([1, 2, undefined, undefined, undefined, undefined, 3]);
  });

  test('a record of which nothing can be read throws and leaves no trace', () => {
    const encoder = makeEncoder();
    encoder.add(recordOf({ body: 'a', attributes: { k: 1 } }));
    expect(() => encoder.add(recordOf({ hrTime: undefined, attributes: { fresh: 1 } }))).toThrow(TypeError);
    encoder.add(recordOf({ body: 'b', attributes: { fresh: 2, k: 2 } }));
    expect(decode(finish(encoder)).records.map((r) => r.attributes)).toStrictEqual([{ k: 1 }, { fresh: 2, k: 2 }]);
  });

  test('a uid is added to records that have none', () => {
    const encoder = makeEncoder(() => uuidV7(1_700_000_000_000));
    const attributes = { a: 1 };
    encoder.add(recordOf({ attributes }));
    encoder.add(recordOf({ attributes: { 'log.record.uid': 'mine' } }));
    const [first, second] = decode(finish(encoder)).records.map((r) => r.attributes['log.record.uid']);
    expect(first).toMatch(/^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(second).toBe('mine');
    expect(attributes).toStrictEqual({ a: 1 });
  });
});

describe('damaged bytes', () => {
  test('a cut or a flipped bit anywhere is noticed', () => {
    const encoder = makeEncoder();
    for (let i = 0; i < 10; i += 1) encoder.add(recordOf({ body: `record ${i}`, attributes: { i } }));
    const frame = finish(encoder);
    expect((readFrame(frame, 0) as Frame).count).toBe(10);
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(7), (at, bit) => {
        const flipped = Buffer.from(frame);
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect(typeof readFrame(flipped, 0)).toBe('string');
        expect(readFrame(frame.subarray(0, at), 0)).toBe('more');
      }),
      runs(1_000),
    );
  });

  test('a payload that passes its checksum but is not ours throws and never hangs', () => {
    const encoder = makeEncoder();
    for (let i = 0; i < 3; i += 1) encoder.add(recordOf({ body: { text: `r${i}`, list: [1, 'x', 2.5] } }));
    const payload = finish(encoder).subarray(HEADER_BYTES);
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(payload);
        changed[at] = byte;
        try {
          decodeFrame(changed, 3, new OriginDecoder());
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      runs(1_000),
    );
  });
});

/** A copy without the null prototypes that fast-check gives some of its objects. */
function unlink(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unlink);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const copy = {};
  for (const [key, inner] of Object.entries(value)) {
    Object.defineProperty(copy, key, { value: unlink(inner), enumerable: true, configurable: true, writable: true });
  }
  return copy;
}
