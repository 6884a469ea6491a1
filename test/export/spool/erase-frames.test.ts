import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { decodeFrame } from '../../../src/export/spool/codec/frame-decoder.ts';
import { FrameEncoder } from '../../../src/export/spool/codec/frame-encoder.ts';
import { HEADER_BYTES, readFrame, writeHeader } from '../../../src/export/spool/codec/frame.ts';
import { encodeResource, OriginDecoder, OriginEncoder } from '../../../src/export/spool/codec/origin-codec.ts';
import { eraseFrames } from '../../../src/export/spool/erase-frames.ts';
import type { ErasedCounts } from '../../../src/export/spool/erase-frames.ts';
import type { LogRecord } from '../../../src/otel/log-record.ts';
import { runs } from '../../support/properties.ts';

const resource = { attributes: { 'service.name': 'test' } };
const pending = { attributes: { host: 'h' }, asyncAttributesPending: true, waitForAsyncAttributes: async () => {} };
const scopes = [{ name: 'one' }, { name: 'two', version: '2' }];

interface Written {
  readonly session: string;
  readonly body: unknown;
  readonly shared: string;
}

const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.double(),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 20 }),
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxKeys: 3 }),
);
const records = fc.record<Written>({
  session: fc.constantFrom('s', 's2', 'é', '日本', 'other'),
  body: values,
  shared: fc.constantFrom('INFO', 'WARN', 'zz'),
});

function recordOf({ body, shared, session }: Written, at: number): LogRecord {
  return {
    hrTime: [at, 5],
    hrTimeObserved: [at, 6],
    severityText: shared,
    severityNumber: 9,
    resource: at % 2 === 0 ? resource : pending,
    instrumentationScope: scopes[at % 2],
    body,
    attributes: { 'session.id': session, nested: { list: [body, at] } },
    droppedAttributesCount: at % 3,
    spanContext: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 },
  } as unknown as LogRecord;
}

function segmentOf(frames: readonly (readonly Written[])[]): { bytes: Buffer; offsets: number[]; next: number } {
  const encoder = new FrameEncoder(new OriginEncoder(() => {}), undefined);
  const parts: Buffer[] = [];
  const offsets: number[] = [];
  let next = 1;
  let at = 0;
  for (const frame of frames) {
    for (const [index, record] of frame.entries())
      encoder.add(recordOf(record, next + index), record.session, `id${index}`);
    const bytes = Buffer.from(encoder.finish(next, 1_000 + next) ?? []);
    offsets.push(at);
    at += bytes.length;
    next += frame.length;
    parts.push(bytes);
  }
  return { bytes: Buffer.concat(parts), offsets, next };
}

interface Read {
  readonly session: string | undefined;
  readonly entry: string | undefined;
  readonly record: unknown;
  readonly writtenMillis: number;
}

function read(bytes: Buffer): Read[] {
  const origins = new OriginDecoder();
  const found: Read[] = [];
  for (let at = 0; at < bytes.length;) {
    const frame = readFrame(bytes, at);
    if (typeof frame === 'string') throw new Error(`${frame} at ${at}`);
    const { records, sessions, writtenMillis } = decodeFrame(frame.payload, frame.count, origins);
    for (const [index, record] of records.entries()) {
      const entry = sessions[index];
      found.push({ session: entry?.sessionId, entry: entry?.entryId, record, writtenMillis });
    }
    at = frame.end;
  }
  return found;
}

function erase(
  bytes: Buffer,
  next: number,
  sessionId: string,
  position = { offset: 0, skip: 0, ordinal: 1 },
): { left: ReturnType<typeof eraseFrames>; counts: ErasedCounts } {
  const counts: ErasedCounts = new Map();
  const matcher = { sessionId, isErased: (id: string) => id === sessionId };
  return { left: eraseFrames(bytes, { position, nextOrdinal: next }, matcher, new Map(), counts), counts };
}

it('what is left are the records of all others, as they were, whatever they hold', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(records, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 }),
      (frames) => {
        const { bytes, next } = segmentOf(frames);
        const before = read(bytes);
        const { left, counts } = erase(bytes, next, 's');
        const kept = before.filter(({ session }) => session !== 's');
        expect(counts.get('s') ?? 0).toBe(before.length - kept.length);
        expect(left === undefined).toBe(kept.length === before.length);
        if (left === undefined) return;
        expect(read(left.bytes)).toStrictEqual(kept);
        expect(left.records).toBe(kept.length);
      },
    ),
    runs(300),
  );
});

it('frames without a record of the session stay byte for byte', () => {
  const frames = [[{ session: 'other', body: 'a', shared: 'x' }], [{ session: 's', body: 'b', shared: 'x' }]];
  const { bytes, offsets, next } = segmentOf([...frames, ...frames]);
  const { left } = erase(bytes, next, 's');
  expect(left?.bytes).toEqual(Buffer.concat([bytes.subarray(0, offsets[1]), bytes.subarray(offsets[2], offsets[3])]));
});

it('what is settled goes too, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(records, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 5 }),
      fc.nat(4),
      fc.nat(4),
      (frames, at, skipped) => {
        const index = at % frames.length;
        const skip = skipped % (frames[index] as Written[]).length;
        const { bytes, offsets, next } = segmentOf(frames);
        const settled = frames.slice(0, index).reduce((sum, frame) => sum + frame.length, skip);
        const position = { offset: offsets[index] as number, skip, ordinal: settled + 1 };
        const { left } = erase(bytes, next, 's', position);
        const unsettled = read(bytes).slice(settled);
        if (left === undefined) expect(unsettled.every(({ session }) => session !== 's')).toBe(true);
        else expect(read(left.bytes)).toStrictEqual(unsettled.filter(({ session }) => session !== 's'));
      },
    ),
    runs(200),
  );
});

it('resources that were completed later stay', () => {
  const { bytes, next } = segmentOf([[{ session: 's', body: 'x', shared: 'x' }]]);
  const late = Buffer.concat([Buffer.alloc(HEADER_BYTES), encodeResource(resource as never, 'later')]);
  writeHeader(late, 0, next);
  const { left } = erase(Buffer.concat([bytes, late]), next, 's');
  expect(left?.bytes).toEqual(late);
  expect(left?.records).toBe(0);
});

it('damaged bytes, which may hold anything, become zeros and count as they did', () => {
  const frames = ['other', 's', 'other'].map((session) => [{ session, body: `secret of ${session}`, shared: 'x' }]);
  const { bytes, offsets, next } = segmentOf(frames);
  const damaged = Buffer.from(bytes);
  damaged[(offsets[1] as number) + 4] = 0xff;
  const { left } = erase(damaged, next, 'nobody');
  expect(left?.bytes).toHaveLength(bytes.length);
  expect(left?.bytes.includes('secret of s')).toBe(false);
  expect(left?.bytes.subarray(0, offsets[1])).toEqual(bytes.subarray(0, offsets[1]));
  expect(left?.bytes.subarray(offsets[2])).toEqual(bytes.subarray(offsets[2]));
  expect(erase(left?.bytes as Buffer, next, 'nobody').left).toBeUndefined();
});
