import { closeSync, constants, fdatasyncSync, fstatSync, readSync, writeSync } from 'node:fs';

import { sleep } from '../../support/timers.ts';
import { openPlainFile } from '../plain-file.ts';
import { decodeFrame } from '../spool/codec/frame-decoder.ts';
import { nextMagic, readFrame } from '../spool/codec/frame.ts';
import type { Frame } from '../spool/codec/frame.ts';
import { OriginDecoder } from '../spool/codec/origin-codec.ts';
import { mayHold, sessionOf } from '../spool/erase-frames.ts';
import type { ErasedCounts, RecordMatcher } from '../spool/erase-frames.ts';
import { isKnownPayload } from '../spool/known-format.ts';
import { deadFiles, unknownDeadFiles } from './dead-letters.ts';

/** How long to wait for an unfinished frame at the end, which another process may be writing. */
const UNFINISHED_MILLIS = 60;

/** The result of an erasure in the files of rejected records. */
export interface DeadErasure {
  readonly counts: ErasedCounts;
  /** Files that a newer version wrote, in whole or in part. */
  readonly newerFiles: number;
}

/**
 * Erases rejected records in place, because the processes that wrote them may still append to their files: it
 * overwrites their bytes with zeros, and damaged bytes too, which may hold anything. Readers of every version skip
 * zeros.
 *
 * Rejects with the error of the file system.
 */
export async function eraseDeadLetters(directory: string, matcher: RecordMatcher): Promise<DeadErasure> {
  const counts: ErasedCounts = new Map();
  let newerFiles = unknownDeadFiles(directory).length;
  for (const { path } of deadFiles(directory)) {
    try {
      if (await eraseIn(path, matcher, counts)) newerFiles += 1;
    } catch (error) {
      // It was the oldest file and was deleted to make room.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return { counts, newerFiles };
}

/** Returns whether the file holds something of a newer version. */
async function eraseIn(path: string, matcher: RecordMatcher, counts: ErasedCounts): Promise<boolean> {
  const { fd } = openPlainFile(path, constants.O_RDWR);
  try {
    const bytes = await wholeFrames(fd);
    let hasNewer = false;
    let hasChanged = false;
    for (let at = 0; at < bytes.length;) {
      const frame = readFrame(bytes, at);
      const next = nextMagic(bytes, at + 1);
      const end = typeof frame === 'object' ? frame.end : next === -1 ? bytes.length : next;
      if (typeof frame === 'object' && !isKnownPayload(frame)) hasNewer = true;
      else if (typeof frame === 'string' || isMeant(frame, matcher, counts)) {
        hasChanged = true;
        writeSync(fd, Buffer.alloc(end - at), 0, end - at, at);
      }
      at = end;
    }
    if (hasChanged) fdatasyncSync(fd);
    return hasNewer;
  } finally {
    closeSync(fd);
  }
}

/** Returns the bytes of the file, up to a frame that another process is writing. */
async function wholeFrames(fd: number): Promise<Buffer> {
  let known = -1;
  for (;;) {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, bytes, 0, bytes.length, 0);
    if (!hasUnfinishedEnd(bytes) || bytes.length === known) return bytes;
    known = bytes.length;
    await sleep(UNFINISHED_MILLIS);
  }
}

function hasUnfinishedEnd(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length;) {
    const frame = readFrame(bytes, at);
    if (frame === 'more') return true;
    const next = typeof frame === 'object' ? frame.end : nextMagic(bytes, at + 1);
    if (next === -1) return false;
    at = next;
  }
  return false;
}

function isMeant(frame: Frame, matcher: RecordMatcher, counts: ErasedCounts): boolean {
  if (!mayHold(frame, matcher)) return false;
  try {
    const { records, sessions, writtenMillis } = decodeFrame(frame.payload, frame.count, new OriginDecoder());
    const ids = records.map((record, index) => sessionOf(record, sessions[index]));
    // Each record has a frame of its own.
    const [id] = ids;
    if (id === undefined || !matcher.isErased(id, writtenMillis)) return false;
    counts.set(id, (counts.get(id) ?? 0) + ids.length);
    return true;
  } catch {
    // The checksum missed this damage.
    return true;
  }
}
