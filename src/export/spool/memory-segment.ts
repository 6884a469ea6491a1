import type { Segment, SegmentPosition } from './segment.ts';

const FIRST_BYTES = 64 * 1024;

/** Frames that wait in memory because the disk cannot be written. They are lost with the process; a shutdown counts them. */
export class MemorySegment implements Segment {
  readonly name: string;
  readonly directory: undefined;
  readonly firstOrdinal: number;
  nextOrdinal: number;
  bytes = 0;
  oldestMillis: number;
  newestMillis: number;
  isSealed = false;
  records = 0;
  settled = 0;
  position: SegmentPosition;
  inFlight = 0;
  isRemoved = false;
  /**
   * One buffer that grows. A small buffer for each frame would be a slice of the pool that Node shares with the whole
   * program.
   */
  #buffer: Buffer = Buffer.alloc(0);

  constructor(firstOrdinal: number, nowMillis: number) {
    this.name = `memory-${firstOrdinal}`;
    this.firstOrdinal = firstOrdinal;
    this.nextOrdinal = firstOrdinal;
    this.oldestMillis = nowMillis;
    this.newestMillis = nowMillis;
    this.position = { offset: 0, skip: 0, ordinal: firstOrdinal };
  }

  append(frame: Buffer, count: number, nowMillis: number): void {
    this.#makeRoom(frame.length);
    // Copied, since the encoder uses its buffer again.
    frame.copy(this.#buffer, this.bytes);
    this.newestMillis = nowMillis;
    this.bytes += frame.length;
    this.records += count;
    this.nextOrdinal += count;
  }

  #makeRoom(length: number): void {
    if (this.bytes + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * this.#buffer.length, this.bytes + length));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }

  /** Its bytes, which are written to a file once the disk can be written again. */
  content(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }

  read(into: Buffer, offset: number, length: number): Promise<number> {
    return Promise.resolve(this.content().copy(into, 0, offset, offset + length));
  }

  acknowledge(position: SegmentPosition, count: number): void {
    this.position = position;
    this.settled += count;
  }

  seal(): void {
    this.isSealed = true;
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  syncNow(): void {}

  close(): void {}

  remove(): void {
    this.isRemoved = true;
    this.#buffer = Buffer.alloc(0);
  }
}
