import { Segment } from './segment.ts';

const FIRST_BYTES = 64 * 1024;

/**
 * Frames that wait in memory while the disk cannot be written to. They are lost with the process; a shutdown counts
 * them.
 */
export class MemorySegment extends Segment {
  readonly name: string;
  readonly directory: undefined;
  /**
   * One growing buffer. A small buffer for each frame would be a slice of the pool that Node shares with the whole
   * program.
   */
  #buffer: Buffer = Buffer.alloc(0);

  constructor(firstOrdinal: number, nowMillis: number) {
    super(firstOrdinal, nowMillis);
    this.name = `memory-${firstOrdinal}`;
  }

  protected write(frame: Buffer): void {
    const end = this.bytes + frame.length;
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * this.#buffer.length, end));
      this.#buffer.copy(larger, 0, 0, this.bytes);
      this.#buffer = larger;
    }
    frame.copy(this.#buffer, this.bytes);
  }

  /** Returns its bytes, for a file once the disk can be written to again. */
  content(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }

  readAll(): Buffer {
    return this.content();
  }

  protected replaceBytes(bytes: Buffer): void {
    // A new buffer, so that the old one is freed together with its text.
    this.#buffer = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(this.#buffer);
  }

  read(into: Buffer, offset: number, length: number): Promise<number> {
    return Promise.resolve(this.content().copy(into, 0, offset, offset + length));
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
