import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { giveTo, openPlainFile } from '../plain-file.ts';
import { MIN_RECORD_BYTES } from './codec/frame-format.ts';
import { OpenFile } from './open-file.ts';
import { ACKNOWLEDGEMENT_SUFFIX, firstOrdinalOf, REWRITING_PREFIX, segmentName } from './segment-names.ts';
import type { SegmentScan } from './segment-reader.ts';
import { MAX_SEGMENT_BYTES, Segment } from './segment.ts';
import type { SegmentPosition } from './segment.ts';

const ACKNOWLEDGEMENT_BYTES = 20;

/** A segment file, and a second file that says how much of it is acknowledged. */
export class FileSegment extends Segment {
  readonly name: string;
  directory: string;
  #file: OpenFile | undefined;
  #acknowledgementFd: number | undefined;
  #hasDamagedEnd = false;

  private constructor(directory: string, name: string, nowMillis: number) {
    super(firstOrdinalOf(name), nowMillis);
    this.directory = directory;
    this.name = name;
  }

  /** Creates an empty file, open for appending. Throws the error of the file system. */
  static create(directory: string, owner: string, firstOrdinal: number, nowMillis: number): FileSegment {
    const segment = new FileSegment(directory, segmentName(owner, firstOrdinal), nowMillis);
    segment.#file = createFile(segment.path);
    return segment;
  }

  /** Adopts a file that another process left. Nothing is appended to it; a scan finds how many records it holds. */
  static adopt(directory: string, name: string, bytes: number, newestMillis: number): FileSegment {
    const segment = new FileSegment(directory, name, newestMillis);
    segment.bytes = bytes;
    segment.isSealed = true;
    segment.position = readAcknowledgement(segment.path, segment.firstOrdinal, bytes);
    return segment;
  }

  get path(): string {
    return join(this.directory, this.name);
  }

  /** Call it when its directory was moved and the segment has no open file. */
  moveTo(directory: string): void {
    this.directory = directory;
  }

  /** Whether its file still has its name, which an open file need not have. */
  get isInPlace(): boolean {
    const named = lstatSync(this.path, { throwIfNoEntry: false });
    if (named === undefined || this.#file === undefined) return named?.isFile() === true;
    const held = fstatSync(this.#file.fd);
    return named.ino === held.ino && named.dev === held.dev;
  }

  /** Whether its file is open, so that it can be read even without a name. */
  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** Returns the bytes of the open file, which may have lost its name. Throws the error of the file system. */
  content(): Buffer {
    if (this.#file === undefined) throw new Error(`the segment ${this.name} is not open`);
    return readWhole(this.#file.fd, this.bytes);
  }

  readAll(): Buffer {
    return readWhole(this.#open().fd, this.bytes);
  }

  /** Writes under another name first, so that a killed process leaves either the old or the new file. */
  protected replaceBytes(bytes: Buffer): void {
    const temporary = join(this.directory, `${REWRITING_PREFIX}${randomBytes(8).toString('hex')}`);
    const file = createFile(temporary);
    try {
      giveTo(lstatSync(this.path), file.fd);
      file.append(bytes, 0);
      fdatasyncSync(file.fd);
      // Remove it before replacing the file, because it has offsets of the old one. Without it, everything is sent
      // again.
      removeFile(this.#acknowledgementPath);
      renameSync(temporary, this.path);
    } catch (error) {
      file.close();
      removeFile(temporary);
      throw error;
    }
    this.close();
    this.#file = file;
    syncDirectory(this.directory);
  }

  /**
   * Writes its content again into this directory, because its name was removed or moved away. Offsets stay the same. On
   * failure it throws the error of the file system, and the segment stays as it was.
   */
  writeAgain(directory: string, content: Buffer): void {
    const path = join(directory, this.name);
    const oldPath = this.isInPlace ? this.path : undefined;
    // Somebody may have put another file there, such as a copy.
    if (oldPath === undefined) removeFile(path);
    const file = createFile(path);
    try {
      file.append(content, 0);
    } catch (error) {
      file.close();
      removeFile(path);
      throw error;
    }
    this.close();
    this.#file = file;
    this.directory = directory;
    // If it still had its name, the directory had lost its owner.
    if (oldPath !== undefined) for (const each of [oldPath, oldPath + ACKNOWLEDGEMENT_SUFFIX]) removeFile(each);
    if (this.settled > 0) this.#noteAcknowledged();
  }

  /** Takes the result of a scan of an adopted file. */
  setContent(scan: SegmentScan): void {
    this.records = scan.records;
    this.nextOrdinal = scan.nextOrdinal;
    this.#hasDamagedEnd = scan.hasDamagedEnd;
    if (scan.oldestMillis !== undefined) this.oldestMillis = scan.oldestMillis;
  }

  /**
   * Corrects the number of records lost at a damaged end, by the number of the first record in the owner's next file.
   */
  correctEnd(nextOrdinal: number): void {
    if (!this.#hasDamagedEnd || nextOrdinal <= this.position.ordinal) return;
    // The number comes from a file name, so believe it only up to what a whole segment can hold.
    const missing = Math.min(nextOrdinal - this.nextOrdinal, Math.floor(MAX_SEGMENT_BYTES / MIN_RECORD_BYTES));
    this.records += missing;
    this.nextOrdinal += missing;
  }

  protected write(frame: Buffer): void {
    this.#open().append(frame, this.bytes);
  }

  read(into: Buffer, offset: number, length: number): Promise<number> {
    return this.#open().read(into, offset, Math.min(length, this.bytes - offset));
  }

  override acknowledge(position: SegmentPosition, count: number): void {
    super.acknowledge(position, count);
    // A completely settled segment is about to be removed.
    if (this.isRemoved || (this.isSealed && position.offset === this.bytes)) return;
    this.#noteAcknowledged();
  }

  #noteAcknowledged(): void {
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT;
      this.#acknowledgementFd ??= openPlainFile(this.#acknowledgementPath, flags).fd;
      writeSync(this.#acknowledgementFd, encodePosition(this.position), 0, ACKNOWLEDGEMENT_BYTES, 0);
    } catch {
      // A full disk must not stop sending; after a restart these records are sent once more.
    }
  }

  sync(): Promise<void> {
    return this.#file === undefined ? Promise.resolve() : this.#file.sync();
  }

  syncNow(): void {
    if (this.#file !== undefined) fdatasyncSync(this.#file.fd);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    if (this.#acknowledgementFd !== undefined) closeSync(this.#acknowledgementFd);
    this.#acknowledgementFd = undefined;
  }

  remove(): void {
    if (this.isRemoved) return;
    this.isRemoved = true;
    this.close();
    // The segment first: if only its acknowledgement were removed, everything would be sent again.
    removeFile(this.path);
    removeFile(this.#acknowledgementPath);
  }

  get #acknowledgementPath(): string {
    return this.path + ACKNOWLEDGEMENT_SUFFIX;
  }

  #open(): OpenFile {
    return (this.#file ??= new OpenFile(openPlainFile(this.path, constants.O_RDONLY).fd));
  }
}

/** Throws if there is a file of this name. */
function createFile(path: string): OpenFile {
  return new OpenFile(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600));
}

function readWhole(fd: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let at = 0; at < length;) {
    const count = readSync(fd, bytes, at, length - at, at);
    if (count === 0) throw new Error('the file is shorter than it was');
    at += count;
  }
  return bytes;
}

/** Reads up to where the segment file is acknowledged: its start if there is no acknowledgement, or a damaged one. */
function readAcknowledgement(segmentPath: string, firstOrdinal: number, segmentBytes: number): SegmentPosition {
  const start: SegmentPosition = { offset: 0, skip: 0, ordinal: firstOrdinal };
  try {
    const bytes = readAtMost(segmentPath + ACKNOWLEDGEMENT_SUFFIX, ACKNOWLEDGEMENT_BYTES + 1);
    if (bytes.length !== ACKNOWLEDGEMENT_BYTES) return start;
    if (crc32(bytes.subarray(0, 16)) !== bytes.readUInt32LE(16)) return start;
    if (bytes.readUInt32LE(0) > segmentBytes) return start;
    return { offset: bytes.readUInt32LE(0), skip: bytes.readUInt32LE(4), ordinal: bytes.readDoubleLE(8) };
  } catch {
    // There is no acknowledgement yet.
    return start;
  }
}

function readAtMost(path: string, length: number): Buffer {
  const { fd } = openPlainFile(path, constants.O_RDONLY);
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, 0));
  } finally {
    closeSync(fd);
  }
}

function encodePosition(position: SegmentPosition): Buffer {
  const bytes = Buffer.alloc(ACKNOWLEDGEMENT_BYTES);
  bytes.writeUInt32LE(position.offset, 0);
  bytes.writeUInt32LE(position.skip, 4);
  bytes.writeDoubleLE(position.ordinal, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  return bytes;
}

/** Syncs a directory, so that the names in it are on the disk. Best effort, because not every file system can do it. */
export function syncDirectory(directory: string): void {
  try {
    const fd = openSync(directory, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Windows and some network file systems refuse; then the names reach the disk at the file system's own interval.
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The file or its directory is gone. A file that could not be removed is sent again after a restart.
  }
}
