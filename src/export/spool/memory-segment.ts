import type { Segment, SegmentPosition } from './segment.ts';

/** Entries that wait in memory because the disk takes nothing: lost with the process, and counted then. */
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
  #entries: Buffer[] = [];

  constructor(firstOrdinal: number, nowMillis: number) {
    this.name = `memory-${firstOrdinal}`;
    this.firstOrdinal = firstOrdinal;
    this.nextOrdinal = firstOrdinal;
    this.oldestMillis = nowMillis;
    this.newestMillis = nowMillis;
    this.position = { offset: 0, skip: 0, ordinal: firstOrdinal };
  }

  append(entry: Buffer, count: number, nowMillis: number): void {
    // A copy: the encoder uses its buffer again.
    this.#entries.push(Buffer.from(entry));
    this.newestMillis = nowMillis;
    this.bytes += entry.length;
    this.records += count;
    this.nextOrdinal += count;
  }

  /** Its bytes, to be written to a file after all. */
  content(): Buffer {
    const whole = this.#entries.length === 1 ? (this.#entries[0] as Buffer) : Buffer.concat(this.#entries);
    this.#entries = [whole];
    return whole;
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
    this.#entries = [];
  }
}
