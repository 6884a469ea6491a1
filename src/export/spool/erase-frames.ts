import type { ReadableLogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { decodeFrame } from './codec/frame-decoder.ts';
import { FrameEncoder } from './codec/frame-encoder.ts';
import type { SessionEntry } from './codec/frame-format.ts';
import { HEADER_BYTES, nextMagic, readFrame } from './codec/frame.ts';
import type { Frame } from './codec/frame.ts';
import { StoredOrigins } from './codec/stored-origins.ts';
import { POOL_ENCODING } from './codec/payload-writer.ts';
import { isKnownPayload } from './known-format.ts';
import type { RewrittenFrames, Segment, SegmentPosition } from './segment.ts';

/** Tells which records to erase. */
export interface RecordMatcher {
  /** @param writtenMillis When the record's frame was written, in milliseconds since the epoch. */
  isErased(sessionId: string, writtenMillis: number): boolean;
  /** The session id, if known: frames without it need not be decoded. */
  readonly sessionId?: string;
}

/** Number of erased records, by session. */
export type ErasedCounts = Map<string, number>;

export function totalOf(counts: ErasedCounts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** The session of a record; `undefined` if it has none. */
export function sessionOf(record: ReadableLogRecord, entry: SessionEntry | undefined): string | undefined {
  const id = entry?.sessionId ?? (record.attributes as Readonly<Record<string, unknown>>)[ATTRIBUTE.sessionId];
  return typeof id === 'string' ? id : undefined;
}

/** Whether a frame may hold records to erase. */
export function mayHold({ count, payload }: Frame, { sessionId }: RecordMatcher): boolean {
  if (count === 0) return false;
  if (sessionId === undefined) return true;
  const encoding = POOL_ENCODING[payload[1] as number];
  return encoding === undefined || payload.includes(Buffer.from(sessionId, encoding));
}

/**
 * Removes records from the frames of a segment. All other frames stay byte for byte, and records that share a frame
 * with erased ones stay unchanged. Damaged bytes, which may hold anything, become zeros and count as before.
 *
 * @param settled Records of a frame, by its offset, that are settled although earlier ones are not.
 * @param counts Gets the number of erased records.
 * @returns `undefined` if there is nothing to erase.
 */
export function eraseFrames(
  bytes: Buffer,
  { position, nextOrdinal }: Pick<Segment, 'position' | 'nextOrdinal'>,
  matcher: RecordMatcher,
  settled: ReadonlyMap<number, ReadonlySet<number>>,
  counts: ErasedCounts,
): RewrittenFrames | undefined {
  const rewriting = new Rewriting(position, matcher, settled, counts);
  let hasDamagedEnd = false;
  for (let at = position.offset; at < bytes.length;) {
    const frame = readFrame(bytes, at);
    if (typeof frame === 'object') {
      rewriting.add(bytes, frame);
      at = frame.end;
      hasDamagedEnd = false;
      continue;
    }
    const next = nextMagic(bytes, at + 1);
    const end = next === -1 ? bytes.length : next;
    rewriting.addDamage(bytes.subarray(at, end));
    at = end;
    hasDamagedEnd = true;
  }
  if (!rewriting.hasChanged) return undefined;
  const { records, ordinal, endOrdinal } = rewriting;
  return { bytes: rewriting.bytes, records, ordinal, nextOrdinal: hasDamagedEnd ? nextOrdinal : endOrdinal };
}

class Rewriting {
  hasChanged: boolean;
  records = 0;
  endOrdinal: number;
  readonly #position: SegmentPosition;
  readonly #matcher: RecordMatcher;
  readonly #settled: ReadonlyMap<number, ReadonlySet<number>>;
  readonly #counts: ErasedCounts;
  readonly #origins = new StoredOrigins();
  readonly #parts: Buffer[] = [];
  #firstOrdinal: number | undefined;

  constructor(
    position: SegmentPosition,
    matcher: RecordMatcher,
    settled: ReadonlyMap<number, ReadonlySet<number>>,
    counts: ErasedCounts,
  ) {
    this.#position = position;
    this.endOrdinal = position.ordinal;
    this.#matcher = matcher;
    this.#settled = settled;
    this.hasChanged = settled.size > 0;
    this.#counts = counts;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  get ordinal(): number {
    return this.#firstOrdinal ?? this.endOrdinal;
  }

  add(bytes: Buffer, frame: Frame): void {
    const raw = bytes.subarray(frame.start, frame.end);
    const skip = frame.start === this.#position.offset ? this.#position.skip : 0;
    const settled = this.#settled.get(frame.start);
    const isCandidate = isKnownPayload(frame) && frame.count > 0;
    if (!isCandidate || (skip === 0 && settled === undefined && !mayHold(frame, this.#matcher))) {
      this.#keep(raw, frame.ordinal, frame.count);
      return;
    }
    try {
      this.#rewrite(raw, frame, (index) => index < skip || settled?.has(index) === true);
    } catch {
      // The checksum missed this damage; readers will count it.
      this.addDamage(raw);
    }
  }

  #rewrite(raw: Buffer, frame: Frame, isSettled: (index: number) => boolean): void {
    const { records, sessions, writtenMillis } = decodeFrame(frame.payload, frame.count, this.#origins.decoding);
    const kept = new FrameEncoder(this.#origins.encoding, undefined);
    let removed = 0;
    for (const [index, record] of records.entries()) {
      if (isSettled(index)) {
        removed += 1;
        continue;
      }
      const entry = sessions[index];
      const sessionId = sessionOf(record, entry);
      if (sessionId !== undefined && this.#matcher.isErased(sessionId, writtenMillis)) {
        removed += 1;
        this.hasChanged = true;
        this.#counts.set(sessionId, (this.#counts.get(sessionId) ?? 0) + 1);
      } else kept.add(record as Parameters<FrameEncoder['add']>[0], entry?.sessionId, entry?.entryId);
    }
    if (removed === 0) this.#keep(raw, frame.ordinal, frame.count);
    else if (kept.count > 0) {
      const { count } = kept;
      this.#keep(kept.finish(frame.ordinal, writtenMillis) as Buffer, frame.ordinal, count);
    }
  }

  #keep(frame: Buffer, ordinal: number, count: number): void {
    this.#parts.push(frame);
    if (count === 0) return;
    this.#firstOrdinal ??= ordinal;
    this.records += count;
    this.endOrdinal = ordinal + count;
  }

  addDamage(bytes: Buffer): void {
    // The header of a damaged frame says how many records it held.
    const kept = nextMagic(bytes, 0) === 0 ? HEADER_BYTES : 0;
    const scrubbed = Buffer.alloc(bytes.length);
    bytes.copy(scrubbed, 0, 0, kept);
    this.#parts.push(scrubbed);
    if (!scrubbed.equals(bytes)) this.hasChanged = true;
  }
}
